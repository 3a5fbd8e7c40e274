# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a release: its number, what is new in it, and what an execution environment with it needs."""

from __future__ import annotations

import ast
import re
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from tools import cores
from tools.paths import ROOT


def load(name: str) -> t.Any:
    return yaml.safe_load((ROOT / name).read_text())


GALAXY = load("galaxy.yml")
RELEASES = load("changelogs/changelog.yaml")["releases"]
ENVIRONMENT = load("execution-environment.yml")


def added() -> t.Iterator[t.Any]:
    """Everything that has a page of its own: its place among what a release lists, its name, and since when it is there."""
    for path in sorted((ROOT / "plugins/modules").glob("*.py")):
        yield pytest.param("modules", path.stem, *re.findall(r"^version_added: (\S+)", path.read_text(), re.MULTILINE))
    for path in sorted((ROOT / "plugins/filter").glob("*.yml")):
        yield pytest.param(
            "plugins/filter", path.stem, yaml.safe_load(path.read_text())["DOCUMENTATION"]["version_added"]
        )
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        since = [entry["version_added"] for entry in yaml.safe_load(path.read_text())["argument_specs"].values()]
        yield pytest.param("objects/role", path.parts[-3], min(since, key=number))


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_the_version_is_the_newest_release() -> None:
    assert GALAXY["version"] == max(RELEASES, key=number)
    escaped = GALAXY["version"].replace(".", r"\.")
    assert f"\n## v{escaped}\n" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(("place", "name", "since"), list(added()))
def test_what_is_there_is_listed_by_the_release_that_brought_it(place: str, name: str, since: str) -> None:
    if number(since) > number(GALAXY["version"]):
        return  # the next release will list it
    listed: t.Any = RELEASES[since]
    for key in place.split("/"):
        listed = listed[key]
    assert name in {entry["name"] for entry in listed}


def test_the_execution_environment_has_the_built_collection_and_a_tested_ansible_core() -> None:
    archive = f"{GALAXY['namespace']}-{GALAXY['name']}-{GALAXY['version']}.tar.gz"
    (file,) = ENVIRONMENT["additional_build_files"]
    (collection,) = ENVIRONMENT["dependencies"]["galaxy"]["collections"]
    assert (file["src"], collection["name"]) == (archive, f"{file['dest']}/{archive}")
    names = sorted(number(core.name) for core in cores.CORES)
    low, high = (".".join(map(str, one)) for one in (names[0], (names[-1][0], names[-1][1] + 1)))
    assert ENVIRONMENT["dependencies"]["ansible_core"]["package_pip"] == f"ansible-core>={low},<{high}"


def test_the_execution_environment_has_a_python_that_the_newest_ansible_core_runs_on() -> None:
    interpreter = ENVIRONMENT["dependencies"]["python_interpreter"]
    newest = max(cores.CORES, key=lambda core: number(core.version))
    version = Path(interpreter["python_path"]).name.removeprefix("python")
    assert newest.oldest <= number(version) <= newest.newest
    assert f"python{version}" in interpreter["package_system"].split()


def test_packages_for_the_controller_are_in_the_file_that_names_them() -> None:
    named = load("meta/execution-environment.yml")["dependencies"]
    assert list(named) == ["system"]
    lines = [line for line in (ROOT / named["system"]).read_text().splitlines() if not line.startswith("#")]
    assert {line.split()[0] for line in lines} == {"openssh-clients", "openssh-client", "graphviz"}


CONTROLLER = sorted(
    path.relative_to(ROOT)
    for folder in ("action", "filter", "plugin_utils")
    for path in (ROOT / "plugins" / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", CONTROLLER, ids=str)
def test_the_controller_needs_no_python_package_but_ansible_core(path: Path) -> None:
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    # YAML and Jinja come with ansible-core
    known = {*sys.stdlib_module_names, "ansible", "jinja2", "yaml"}
    own = "ansible_collections.mixed_lb.stack."
    assert {name for name in found if name.partition(".")[0] not in known and not name.startswith(own)} == set()
