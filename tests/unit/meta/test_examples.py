# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What documentation shows is what modules and roles accept."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import yaml
from tools import examples, specs
from tools.paths import ROOT


@pytest.mark.parametrize("name", specs.modules())
def test_examples_of_a_module_are_accepted_by_it(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.mixed_lb.stack.plugins.modules.{name}")
    used = {key for task in examples.tasks_in(yaml.safe_load(module.EXAMPLES)) for key in task}
    assert f"mixed_lb.stack.{name}" in used
    assert examples.document_faults(module.EXAMPLES) == []


@pytest.mark.parametrize("page", examples.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_yaml_in_a_page_is_accepted(page: Path) -> None:
    faults = {line: examples.document_faults(block) for line, block in examples.yaml_blocks(page)}
    assert {line: found for line, found in faults.items() if found} == {}


def playbooks() -> list[Path]:
    return [ROOT / "site.yml", *sorted(ROOT.glob("playbooks/**/*.yml"))]


@pytest.mark.parametrize("file", playbooks(), ids=lambda file: str(file.relative_to(ROOT)))
def test_playbooks_call_what_there_is(file: Path) -> None:
    # Values come from the plan there, so whatever is required is not in the text.
    faults = [fault for fault in examples.document_faults(file.read_text()) if "missing required" not in fault]
    assert faults == []


@pytest.mark.parametrize(
    "folder",
    [file.parents[1] for file in sorted(ROOT.glob("inventories/*/group_vars/all.yml"))],
    ids=lambda it: it.name,
)
def test_a_whole_stack_is_sixty_lines_beside_host_addresses(folder: Path) -> None:
    lines = [line.strip() for file in folder.rglob("*.yml") for line in file.read_text().splitlines()]
    written = [line for line in lines if line.strip("-") and not line.startswith("#")]
    assert len([line for line in written if not re.search("ansible_host:|lb_addresses:", line)]) <= 60


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- mixed_lb.stack.kernel_settings: {name: app, stat: absent}", "unknown option stat"),
        ("- mixed_lb.stack.kernel_settings: {name: app, state: gone}", "value of state must be one of"),
        ("- mixed_lb.stack.kernel_settings: {state: absent}", "missing required arguments: name"),
        ("- block: [{mixed_lb.stack.kernel_setting: {name: app}}]", "there is no module"),
        ("- {hosts: all, roles: [mixed_lb.stack.lvs_rd]}", "there is no role lvs_rd"),
        (
            "- ansible.builtin.include_role: {name: mixed_lb.stack.lvs_dr, tasks_from: directr}",
            "no entry point directr",
        ),
        ("- a: [", "not YAML"),
    ],
)
def test_a_wrong_example_is_found(text: str, fault: str) -> None:
    (found,) = examples.document_faults(text)
    assert fault in found


def test_a_template_stands_for_any_value_of_its_type() -> None:
    task = "- mixed_lb.stack.kernel_settings: {name: '{{ x }}', state: '{{ y }}', modules: '{{ z }}'}"
    assert examples.document_faults(task) == []
