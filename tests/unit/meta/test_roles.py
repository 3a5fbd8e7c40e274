# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's argument specs say what its defaults do, and its tasks keep to the house rules."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from tools import examples, specs
from tools.paths import ROOT

MISSING = "no default"
# There is no file on the first run; who is away is shown as such; who does not serve is said by the next task.
MAY_FAIL = {
    "roles/keepalived/tasks/leaving.yml": ["leaving | Read what it has now"],
    "playbooks/tasks/look.yml": ["look | Ask the hosts"],
    "playbooks/tasks/undrain.yml": ["undrain | Wait until they serve"],
}


def load(file: Path) -> t.Any:
    return yaml.safe_load(file.read_text()) if file.is_file() else None


def typed(value: t.Any) -> str:
    """A value told apart from its likes: 1 from true, "1" from 1."""
    return yaml.safe_dump(value)


@pytest.mark.parametrize("role", specs.roles())
def test_defaults_equal_the_argument_specs(role: str) -> None:
    defaults = load(ROOT / "roles" / role / "defaults/main.yml") or {}
    documented: dict[str, set[str]] = {}
    for spec in specs.role_specs(role).values():
        for name, option in spec.options.items():
            documented.setdefault(name, set()).add(typed(option.get("default", MISSING)))
    actual = {name: {typed(defaults.get(name, MISSING))} for name in documented.keys() | defaults.keys()}
    assert actual == {name: documented.get(name, {"not in argument_specs"}) for name in actual}


@pytest.mark.parametrize("role", specs.roles())
def test_every_entry_point_has_tasks_and_a_description(role: str) -> None:
    entries = (load(ROOT / "roles" / role / "meta/argument_specs.yml") or {}).get("argument_specs")
    assert entries, "meta/argument_specs.yml is missing"
    for name, entry in entries.items():
        assert (ROOT / "roles" / role / "tasks" / f"{name}.yml").is_file()
        assert entry["short_description"] and entry["description"]


@pytest.mark.parametrize("role", specs.roles())
def test_options_carry_the_name_of_the_role(role: str) -> None:
    names = {name for spec in specs.role_specs(role).values() for name in spec.options}
    assert {name for name in names if not name.startswith(f"{role}_")} == set()


def everything_in(document: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Plays, blocks and tasks, whatever they are in."""
    for item in document if isinstance(document, list) else []:
        yield item
        for key in examples.LISTS_OF_TASKS:
            yield from everything_in(item.get(key))


def hides_errors(item: dict[str, t.Any]) -> bool:
    return bool({"ignore_errors", "ignore_unreachable"} & set(item)) or str(item.get("failed_when")) == "False"


@pytest.mark.parametrize(
    "file",
    sorted({*ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("playbooks/**/*.yml"), ROOT / "site.yml"}),
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_no_task_hides_its_errors(file: Path) -> None:
    """Nor a block or a play, but for those whose errors somebody looks at."""
    found = [item.get("name") for item in everything_in(load(file)) if hides_errors(item)]
    assert found == MAY_FAIL.get(str(file.relative_to(ROOT)), [])


@pytest.mark.parametrize(
    "item",
    [
        "{block: [{name: x, ignore_errors: true}]}",
        "{block: [], ignore_errors: true}",
        "{block: [{block: [], ignore_unreachable: true}]}",
        "{hosts: all, tasks: [{name: x, failed_when: no}]}",
    ],
)
def test_what_hides_errors_is_found(item: str) -> None:
    assert any(hides_errors(one) for one in everything_in([yaml.safe_load(item)]))


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("roles/*/tasks/**/*.yml")), ids=lambda file: str(file.relative_to(ROOT))
)
def test_tasks_call_modules_and_roles_that_exist(file: Path) -> None:
    faults = [fault for fault in examples.document_faults(file.read_text()) if "missing required" not in fault]
    assert faults == []
