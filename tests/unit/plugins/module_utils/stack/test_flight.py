# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is under way to a member, and waiting for its end."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.app import Session
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.runner import IpvsError
from ansible_collections.mixed_lb.stack.plugins.module_utils.stack import flight, parse
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.ipvs.fake_kernel import FakeKernel

SOCKETS = """\
0      0              192.0.2.11:40000        192.0.2.21:8080
0      0      [2001:db8:0:2::11]:40001 [2001:db8:0:2::21]:8080
0      0      [::ffff:192.0.2.11]:40002 [::ffff:192.0.2.21]:22
"""
WEB1 = ("192.0.2.21", 8080)


class Balancer:
    """A director with one real server, sockets, and time."""

    def __init__(self) -> None:
        self.kernel = FakeKernel()
        for words in ("-A -t 192.0.2.100:8080 -s wlc", "-a -t 192.0.2.100:8080 -r 192.0.2.21:8080 -g -w 0"):
            self.kernel(["ipvsadm", *words.split()])
        self.service = next(iter(self.kernel.table.values()))
        self.sockets = ""
        self.time = 0.0
        self.events: dict[float, t.Callable[[], object]] = {}

    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        if argv[0] == "ss":
            self.asked = argv[6:]
            return Result(0, self.sockets, "")
        return self.kernel(argv, stdin)

    def forward(self, number: int) -> None:
        for dest in self.service.dests.values():
            dest.active = number

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        for moment in [one for one in self.events if one <= self.time]:
            self.events.pop(moment)()

    def wait(self, *members: parse.Place, timeout: float = 10, at_least: float = 0) -> dict[str, t.Any]:
        session = Session(self, self.kernel.files)
        return flight.wait(session, members, timeout, at_least, flight.Clock(lambda: self.time, self.sleep))


def test_nothing_under_way_is_no_wait() -> None:
    assert Balancer().wait(WEB1) == {"connections": 0, "left": {}, "waited": 0.0}


def test_the_end_of_what_is_forwarded_is_awaited() -> None:
    balancer = Balancer()
    balancer.forward(3)
    balancer.events[4] = lambda: balancer.forward(0)
    assert balancer.wait(WEB1) == {"connections": 0, "left": {}, "waited": 4.0}


def test_what_is_left_is_told() -> None:
    balancer = Balancer()
    balancer.forward(3)
    balancer.sockets = SOCKETS
    found = balancer.wait(WEB1, ("2001:db8:0:2::21", 0), timeout=2)
    assert found == {"connections": 5, "left": {"192.0.2.21": 4, "2001:db8:0:2::21": 1}, "waited": 2.0}
    assert balancer.asked == ["dst", "192.0.2.21", "or", "dst", "[2001:db8:0:2::21]"]


def test_who_still_has_a_weight_is_not_drained() -> None:
    balancer = Balancer()
    (dest,) = balancer.service.dests.values()
    dest.weight = 1

    def reload() -> None:
        dest.weight = 0

    balancer.events[2] = reload
    assert balancer.wait(WEB1)["waited"] == 2
    dest.weight = 1
    with pytest.raises(IpvsError, match=r"after 3 s the IPVS table still has a weight for"):
        balancer.wait(WEB1, timeout=3)


def test_other_ports_are_other_business() -> None:
    balancer = Balancer()
    balancer.sockets = SOCKETS
    assert balancer.wait(("192.0.2.21", 443), timeout=1)["connections"] == 0


def test_answers_of_the_dns_are_waited_for() -> None:
    assert Balancer().wait(WEB1, at_least=5)["waited"] == 5
    assert Balancer().wait(WEB1, at_least=50, timeout=3)["waited"] == 3


def test_no_address_is_an_error() -> None:
    with pytest.raises(IpvsError, match="is no IP address"):
        flight.place("web1", 80)
