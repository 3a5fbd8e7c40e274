# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's metadata agree with its files."""

from __future__ import annotations

import importlib
import re
import tomllib
import typing as t
from pathlib import Path

import pytest
import yaml
from tools import cores, specs
from tools.paths import ROOT, shell_scripts, source_files

# Where somebody develops or tests is nobody else's business. In pieces, so that this file passes its own test.
PRIVATE = re.compile(
    "|".join(
        [
            r"(?<![\w.-])/wo" + r"rk/.*",
            "/root/" + r"\.pyenv.*",
            "/opt/" + "(?:pypi|wheels).*",
            "/tmp/" + "(?:venv|coll).*",
        ]
    )
)
# Files of these kinds have room for a comment.
COMMENTED = (".py", ".yml", ".lua", ".c", ".j2", ".toml")


def load(name: str) -> t.Any:
    return yaml.safe_load((ROOT / name).read_text())


def test_every_module_is_in_an_action_group() -> None:
    groups = load("meta/runtime.yml")["action_groups"]
    listed = {name for group in groups.values() for name in group if isinstance(name, str)}
    assert listed == set(specs.modules())
    assert set(groups["ipvs"]) == {name for name in specs.modules() if name.startswith("ipvs_")}


@pytest.mark.parametrize("name", specs.modules())
def test_documentation_promises_check_mode_where_the_module_has_it(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.mixed_lb.stack.plugins.modules.{name}")
    documentation = yaml.safe_load(module.DOCUMENTATION)
    attributes = f"mixed_lb.stack.attributes{'.info' if name.endswith('_info') else ''}"
    assert any(fragment.startswith(attributes) for fragment in documentation["extends_documentation_fragment"])
    assert specs.module_spec(name).check_mode


def test_python_versions_are_told_the_same_everywhere() -> None:
    oldest = ".".join(map(str, cores.MAIN.oldest))
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert load("tests/config.yml")["modules"]["python_requires"] == f">={oldest}"
    assert tools["mypy"]["python_version"] == oldest
    assert tools["ruff"]["target-version"] == "py" + oldest.replace(".", "")


def test_versions_of_ansible_core_are_told_the_same_everywhere() -> None:
    assert f"ansible-core=={cores.MAIN.version}" in cores.REQUIREMENTS.read_text().splitlines()
    oldest = min(cores.CORES, key=lambda core: core.version)
    assert load("meta/runtime.yml")["requires_ansible"] == f">={oldest.name}.0"


@pytest.mark.parametrize("path", source_files(), ids=str)
def test_no_file_names_a_private_place(path: Path) -> None:
    text = (ROOT / path).read_text(errors="replace")
    assert PRIVATE.findall(text) == []


def test_every_file_that_may_say_so_carries_its_licence() -> None:
    scripts = set(shell_scripts())
    files = [path for path in source_files() if path.suffix in COMMENTED or path in scripts]
    lacking = [
        str(path)
        for path in files
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in (ROOT / path).read_text()[:500]
    ]
    assert lacking == []


def tasks(found: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """All tasks of a playbook or a task file, those of blocks too."""
    for one in found if isinstance(found, list) else ():
        yield one
        for key in ("tasks", "block", "rescue", "always"):
            yield from tasks(one.get(key))


def test_nothing_asks_for_privileges_on_the_controller() -> None:
    """``-b`` is for the hosts; sudo on the controller may want a password."""
    found = [
        one for path in sorted((ROOT / "playbooks").rglob("*.yml")) for one in tasks(yaml.safe_load(path.read_text()))
    ]
    here = [one for one in found if "localhost" in str(one.get("delegate_to"))]
    assert len(here) == 3
    assert [one["name"] for one in here if one.get("become") is not False] == []
