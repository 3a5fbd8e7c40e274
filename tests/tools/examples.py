# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks in documentation and playbooks, checked against what they call."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import yaml

from . import specs
from .paths import ROOT

COLLECTION = "mixed_lb.stack."
ROLE_TASKS = ("ansible.builtin.include_role", "ansible.builtin.import_role")
LISTS_OF_TASKS = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")


def yaml_blocks(page: Path) -> list[tuple[int, str]]:
    """The fenced blocks of YAML in a Markdown page: line number and text."""
    text = page.read_text()
    found = re.finditer(r"^( *)```ya?ml\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [
        (text.count("\n", 0, match.start()) + 1, re.sub(f"^{match[1]}", "", match[2], flags=re.MULTILINE))
        for match in found
    ]


def tasks_in(document: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Every task of a list of plays or tasks, those in blocks too; a play's ``roles`` as if they were included."""
    for item in document if isinstance(document, list) else []:
        if not isinstance(item, dict):
            continue
        for key in LISTS_OF_TASKS:
            yield from tasks_in(item.get(key))
        for role in item.get("roles", []) if "hosts" in item else []:
            yield _as_task({"role": role} if isinstance(role, str) else role)
        if not {"hosts", "block", "ansible.builtin.import_playbook"} & set(item):
            yield item


def _as_task(role: dict[str, t.Any]) -> dict[str, t.Any]:
    values = {**role.get("vars", {}), **{key: value for key, value in role.items() if key not in ("role", "vars")}}
    return {"name": role["role"], "vars": values, "ansible.builtin.include_role": {"name": role["role"]}}


def task_faults(task: dict[str, t.Any]) -> list[str]:
    """What is wrong with a task of this collection's modules or roles; nothing for those of others."""
    found = []
    for key, value in task.items():
        if key.startswith(COLLECTION):
            name = key.removeprefix(COLLECTION)
            if name not in specs.modules():
                found.append(f"there is no module {key}")
            elif isinstance(value, dict) or value is None:
                found += specs.faults(specs.module_spec(name), value or {})
        elif key in ROLE_TASKS:
            found += _role_faults(value, task.get("vars", {}))
    label = task.get("name", "a task without a name")
    return [f"{label}: {fault}" for fault in found]


def _role_faults(included: dict[str, t.Any], values: dict[str, t.Any]) -> list[str]:
    role = str(included.get("name", "")).removeprefix(COLLECTION)
    if "{{" in role or "." in role:
        return []
    if role not in specs.roles():
        return [f"there is no role {role}"]
    entry = str(included.get("tasks_from", "main")).removesuffix(".yml")
    if "{{" in entry:
        return []
    if entry not in specs.role_specs(role):
        return [f"role {role} has no entry point {entry}"]
    # Variables of other names are the user's own.
    return specs.faults(
        specs.role_specs(role)[entry], {key: value for key, value in values.items() if key.startswith(f"{role}_")}
    )


def document_faults(text: str) -> list[str]:
    """What is wrong with a piece of YAML; an empty list where nothing is."""
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        return [f"not YAML: {error}"]
    return [fault for document in documents for task in tasks_in(document) for fault in task_faults(task)]


def pages() -> list[Path]:
    """The pages that users read."""
    return [page for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))) if page.is_file()]
