# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the IPVS modules runs, one after the other, in check mode and for real."""

from __future__ import annotations

import importlib
import typing as t

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.doc_fragments.ipvs import ModuleDocFragment
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import spec, wanted
from ansible_collections.mixed_lb.stack.tests.unit.plugins.modules.ipvs_host import MODULES, Host

NAMES = ["ipvs_table", "ipvs_service", "ipvs_destination", "ipvs_timeouts", "ipvs_sync_daemon", "ipvs_info"]
# What the examples of ipvs_destination take for granted.
SERVICES: list[dict[str, t.Any]] = [
    {"protocol": "tcp", "address": "192.0.2.100", "port": 80},
    {"protocol": "tcp", "address": "2001:db8::100", "port": 443},
    {"fwmark": 7},
]


@pytest.mark.parametrize("name", NAMES)
def test_examples_run(name: str) -> None:
    host = Host()
    if name == "ipvs_destination":
        host.run("ipvs_table", services=SERVICES)
    for task in yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").EXAMPLES):
        options = task.get(f"mixed_lb.stack.{name}")
        if options is not None:
            assert not host.run(name, check=True, **options).get("failed"), task["name"]
            result = host.run(name, **options)
            assert not result.get("failed"), (task["name"], result)


def test_documented_destinations_are_those_that_are_checked() -> None:
    """Ansible does not check them (it takes too long with thousands), so nothing else would notice a difference."""
    table = yaml.safe_load(importlib.import_module(f"{MODULES}.ipvs_table").DOCUMENTATION)["options"]
    service = yaml.safe_load(ModuleDocFragment.SERVICE)["options"]
    for documented in (table["services"]["suboptions"]["destinations"], service["destinations"]):
        assert documented["suboptions"].keys() == wanted.DESTINATION_KEYS == spec.destination().keys()
        assert documented["suboptions"]["tunnel"]["suboptions"].keys() == wanted.TUNNEL_KEYS == spec.tunnel().keys()
