# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole host asked at once, its daemons in memory."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.client import NotRunning
from ansible_collections.mixed_lb.stack.plugins.module_utils.stack import parse, seen
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.ipvs.fake_kernel import FakeKernel

HAPROXY = pathlib.Path(__file__).parents[1] / "haproxy" / "fixtures" / "debian12"
PAGE = "Active connections: 5 \nserver accepts handled requests\n 9 9 9 \nReading: 0 Writing: 1 Waiting: 4 \n"
UNITS = "Id=nginx.service\nLoadState=loaded\nActiveState=active\n\nId=pdns.service\nLoadState=not-found\nActiveState=inactive\n"
ADDRESSES = [{"local": "192.0.2.100", "prefixlen": 32}]
LINKS = [{"ifname": "eth0", "ifindex": 2, "mtu": 1500, "flags": ["UP"], "addr_info": ADDRESSES}]
CHECKS = {
    "pools": [
        {
            "name": "http/shop",
            "servers": [
                {"key": "192.0.2.21:8080", "up": "server 192.0.2.21:8080 weight=3;", "weight": 1, "out": False},
                {"key": "192.0.2.22:8080", "up": "server 192.0.2.22:8080;", "out": True},
                {"key": "192.0.2.23:8080", "up": "server 192.0.2.23:8080;"},
            ],
        }
    ]
}
OK = {"ok": True, "out": False, "since": 0, "reason": ""}
SAID = {"generation": "1", "pools": {"http/shop": {"192.0.2.21:8080": OK, "192.0.2.22:8080": {**OK, "out": True}}}}


def silent(*_words: str) -> str:
    raise ConnectionRefusedError("refused")


def no_haproxy(_question: str) -> str:
    raise NotRunning("it does not listen")


class Fake:
    """A host: a kernel with a table, files, and what runs beside them."""

    def __init__(self) -> None:
        self.kernel = FakeKernel()
        self.files = self.kernel.files
        self.units = Result(0, UNITS, "")

    def command(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        if argv[0] == "systemctl":
            assert argv[1] == "show"
            self.asked = list(argv[3:])
            return self.units
        if argv[0] == "ip":
            return Result(0, json.dumps(LINKS), "")
        return self.kernel(argv, stdin)

    def look(self, haproxy: t.Any = no_haproxy, nginx: t.Any = silent) -> dict[str, t.Any]:
        self.files.read_only = True
        return seen.look(seen.Host(self.command, self.files, haproxy, nginx), 1)


def test_a_bare_host_has_nothing_and_no_problems() -> None:
    fake = Fake()
    fake.kernel.loaded = False
    found = fake.look()
    assert found == {
        "units": {"nginx.service": "active"},
        "drained": {},
        "configurations": {},
        "problems": [],
        **dict.fromkeys(("ipvs", "keepalived", "haproxy", "nginx")),
        "interfaces": [
            {
                "name": "eth0",
                "mac": None,
                "mtu": 1500,
                "up": True,
                "network_file": None,
                "addresses": ["192.0.2.100/32"],
            },
        ],
    }


def test_what_runs_tells() -> None:
    fake = Fake()
    fake.files.content["/etc/mixed_lb/checker/shop.json"] = "\n" + json.dumps(CHECKS)
    fake.files.content["/run/mixed-lb-checker-shop/status.json"] = json.dumps(SAID)
    fake.files.content["/etc/mixed_lb/drained.json"] = '{"web2": ["192.0.2.22"]}'
    fake.files.content["/etc/systemd/system/mixed-lb-network-app.service"] = ""
    names = {"show info": "info", "show stat": "stat", "show servers state": "state"}
    answers = {question: (HAPROXY / f"{name}.txt").read_text() for question, name in names.items()} | {"show env": ""}
    found = fake.look(lambda question: answers[question], lambda: PAGE)
    assert found["problems"] == []
    assert fake.asked[-1] == "mixed-lb-network-app.service"
    assert found["drained"] == {"web2": ["192.0.2.22"]}
    assert found["haproxy"]["backends"]
    assert found["nginx"]["active_connections"] == 4
    pool = found["nginx"]["pools"]["shop"]["http/shop"]
    assert pool["192.0.2.21:8080"] == {**OK, "weight": 3, "drained": False}
    assert pool["192.0.2.22:8080"] == {**OK, "out": True, "weight": 1, "drained": True}
    assert len(pool) == 2  # what the checker does not know yet


def test_the_table_with_its_connections() -> None:
    fake = Fake()
    fake.kernel(["ipvsadm", "-A", "-t", "192.0.2.100:80", "-s", "wlc"])
    fake.kernel(["ipvsadm", "-a", "-t", "192.0.2.100:80", "-r", "192.0.2.21:80", "-g", "-w", "2"])
    (service,) = fake.look()["ipvs"]["services"]
    (found,) = service["destinations"]
    assert (found["address"], found["weight"], found["active_connections"]) == ("192.0.2.21", 2, 0)
    assert set(found["rates"]) >= {"connections"}


def test_one_that_does_not_tell_hides_no_other() -> None:
    fake = Fake()
    fake.units = Result(1, "", "no systemd here")
    fake.files.content["/etc/mixed_lb/drained.json"] = "[]"
    found = fake.look(lambda _question: "what?")
    assert [text.partition(":")[0] for text in found["problems"]] == ["units", "HAProxy", "drained members"]
    assert found["interfaces"]


@pytest.mark.parametrize(("text", "wanted"), [("0\n", False), ("1\n", True), ("", False), ("-5", True)])
def test_maintenance(text: str, wanted: bool) -> None:
    assert parse.maintained(text) is wanted


def test_a_failover_is_maintenance_that_ends() -> None:
    assert parse.maintained("2\n") and parse.moving("2\n") and not parse.moving("1\n")


def test_another_page_is_no_status() -> None:
    with pytest.raises(ValueError, match="no status page"):
        parse.connections("<html>")
