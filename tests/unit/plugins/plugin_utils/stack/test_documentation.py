# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/stack.md has every option and every rule; the stacks in all pages are sound."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.hosts import KEYS
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds import KINDS
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.dns import Name
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.lvs.service import Service
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.kinds.redirect import Entry
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.options import option_names

ROOT = pathlib.Path(__file__).parents[5]
PAGE = (ROOT / "docs" / "stack.md").read_text()
FIRST_CELLS = re.findall(r"^\| (`.*?`) \|", PAGE, re.MULTILINE)
IN_TABLES = {name for cell in FIRST_CELLS for name in re.findall(r"`([^`]+)`", cell)}
OPTIONS = {
    *KEYS,
    "lb_firewall",  # the playbooks'
    *("services", "names", "targets"),
    *(name for cls in (*KINDS.values(), Service, Name, Entry) for name in option_names(cls)),
}
SOURCES = "".join(path.read_text() for path in (ROOT / "plugins" / "plugin_utils" / "stack").rglob("*.py"))
RULES = set(re.findall(r'(?:finding\(|yield )\s*"([a-z-]+)",', SOURCES)) | {"option", "tier-name"}


def test_every_option_and_rule_is_in_a_table_and_nothing_else() -> None:
    assert RULES | {"host-variables", "address-twice"} | OPTIONS == IN_TABLES


def stacks() -> t.Iterator[t.Any]:
    """Every block of YAML with a stack in it: an inventory, or the stack alone."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text()
        for match in re.finditer(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            if "lb_stack:" in match[1]:
                line = text.count("\n", 0, match.start()) + 1
                yield pytest.param(yaml.safe_load(match[1]), id=f"{page.name}:{line}")


@pytest.mark.parametrize("block", list(stacks()))
def test_an_example_is_sound(world: t.Any, block: dict[str, t.Any]) -> None:
    made = world("dr")
    if "all" in block:
        shared = block["all"]["vars"]
        groups = {name: group["hosts"] for name, group in block["all"]["children"].items()}
        made.groups = {name: list(hosts) for name, hosts in groups.items()}
        made.hosts = {name: {**shared, **own} for hosts in groups.values() for name, own in hosts.items()}
        block = shared
    made.tiers = block["lb_stack"]["tiers"]
    assert made.findings() == []
