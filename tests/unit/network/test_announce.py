# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A neighbour that remembers somebody else for an address believes who announces it, and nobody who must not."""

from __future__ import annotations

import json
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.network.namespace import Namespace, connected

COLLECTIONS = Path(__file__).resolve().parents[3] / ".ansible/collections"
ANNOUNCE = """
import ipaddress, json, sys, types
sys.path.insert(0, sys.argv[1])
from ansible_collections.mixed_lb.stack.plugins.module_utils.network import announce, model
address = types.SimpleNamespace(ip=ipaddress.ip_address(sys.argv[2]))
announce.announce(address, model.Link(**json.loads(sys.argv[3])))
"""
VIPS = ("192.0.2.100", "2001:db8::100")
SOMEBODY = "02:00:00:00:00:99"
PATIENCE = 10


@pytest.fixture(scope="module")
def ends() -> t.Iterator[tuple[Namespace, Namespace]]:
    with connected([{4: "192.0.2.11", 6: "2001:db8::11"}], [{4: "192.0.2.21", 6: "2001:db8::21"}]) as found:
        yield found


def announced(end: Namespace, vip: str, **changed: t.Any) -> str:
    """The hardware address that it is announced with, from eth0 with something else."""
    (link,) = json.loads(end.do("ip", "-json", "link", "show", "eth0"))
    said = {"name": "eth0", "index": link["ifindex"], "mac": link["address"], "up": True, "announces": True, **changed}
    end.do(sys.executable, "-c", ANNOUNCE, str(COLLECTIONS), vip, json.dumps(said))
    return str(link["address"])


def remembered(end: Namespace, vip: str) -> str:
    (entry,) = json.loads(end.do("ip", "-json", "neighbour", "show", vip, "dev", "eth0"))
    return str(entry["lladdr"])


@pytest.mark.parametrize("vip", VIPS)
def test_who_announces_is_believed(ends: tuple[Namespace, Namespace], vip: str) -> None:
    one, other = ends
    other.do("ip", "neighbour", "replace", vip, "lladdr", SOMEBODY, "dev", "eth0", "nud", "stale")
    for silent in ({"announces": False}, {"up": False}, {"mac": None}, {"name": "eth9", "index": 99}):
        announced(one, vip, **silent)
    assert remembered(other, vip) == SOMEBODY
    mac = announced(one, vip)
    deadline = time.monotonic() + PATIENCE
    while remembered(other, vip) != mac:
        assert time.monotonic() < deadline, "nobody heard of it"
        time.sleep(0.05)
