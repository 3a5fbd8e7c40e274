# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``haproxy_server`` and ``haproxy_info``: laws on a fake. What that does is what both releases did.

``fixtures`` hold what the versions of Debian 12 and 13 said.
"""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy import app, client, parse
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.model import HaproxyProblem, Load, Server, Wanted
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.plan import plan, predicted
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.haproxy.fake_haproxy import FakeHaproxy

FIXTURES = Path(__file__).parent / "fixtures"
DEBIANS = ("debian12", "debian13")


def wishes() -> list[Wanted]:
    """All states and some weights, of servers that are there and one that is not."""
    states = (None, "ready", "drain", "maint", "absent")
    there = [Wanted("web", "w1", state, weight) for state, weight in itertools.product(states[:4], (None, 0, 10, 256))]
    new = [
        Wanted("web", "w9", state, weight, "192.0.2.29", 8080, check)
        for state, weight, check in itertools.product(states, (None, 0, 7), (True, False))
    ]
    return there + new


@pytest.mark.parametrize("wanted", wishes(), ids=str)
def test_laws(wanted: Wanted) -> None:
    """Check mode tells what comes; it comes; a second run finds nothing to do."""
    ask = FakeHaproxy()
    told = app.apply(wanted, ask, check_only=True)
    done = app.apply(wanted, ask)
    assert (done.commands, done.changed, done.before) == (told.commands, told.changed, told.before)
    assert (done.after and done.after.shown()) == (told.after and told.after.shown())
    assert not app.apply(wanted, ask).changed


def test_check_mode_changes_nothing() -> None:
    for wanted in wishes():
        app.apply(wanted, FakeHaproxy(read_only=True), check_only=True)


def test_what_is_as_wanted_is_not_touched() -> None:
    app.apply(Wanted("web", "w1", state="ready", weight=10), FakeHaproxy(read_only=True))


def test_what_sessions_there_are_is_no_change() -> None:
    haproxy = FakeHaproxy()
    haproxy.servers["w1"].state = "drain"
    haproxy.servers["w1"].sessions = 3
    clock = app.Clock(haproxy.now, haproxy.sleep)
    outcome = app.apply(Wanted("web", "w1", state="drain"), haproxy, 5, clock=clock)
    assert not outcome.changed and outcome.load == Load(3, 0) and haproxy.time == pytest.approx(5, abs=app.PAUSE)


def test_drain_waits_until_nothing_is_open() -> None:
    haproxy = FakeHaproxy(ends=3)
    haproxy.servers["w1"].sessions = haproxy.servers["w1"].queued = 2
    outcome = app.apply(Wanted("web", "w1", state="drain"), haproxy, 60, clock=app.Clock(haproxy.now, haproxy.sleep))
    assert outcome.load == Load(0, 0) and haproxy.time == pytest.approx(3, abs=2 * app.PAUSE)


def test_without_a_limit_nobody_waits_and_what_is_left_is_told() -> None:
    haproxy = FakeHaproxy()
    haproxy.servers["w1"].sessions = 2
    outcome = app.apply(Wanted("web", "w1", state="maint"), haproxy, clock=app.Clock(haproxy.now, haproxy.sleep))
    assert outcome.load == Load(2, 0) and haproxy.time == 0 and haproxy.servers["w1"].sessions == 2
    outcome = app.apply(Wanted("web", "w1", state="maint", shutdown=True), haproxy)
    assert outcome.load == Load(0, 0) and haproxy.servers["w1"].sessions == 0


def test_a_server_that_is_busy_is_not_removed() -> None:
    haproxy = FakeHaproxy()
    haproxy.servers["w1"].sessions = 1
    clock = app.Clock(haproxy.now, haproxy.sleep)
    with pytest.raises(HaproxyProblem, match=r"still has connections.*Done before: set server web/w1 state maint"):
        app.apply(Wanted("web", "w1", state="absent"), haproxy, 1, clock=clock)
    assert "w1" in haproxy.servers and haproxy.time >= app.SETTLE
    app.apply(Wanted("web", "w1", state="absent", shutdown=True), haproxy, clock=clock)
    assert "w1" not in haproxy.servers


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted("nowhere", "w1"), "there is no backend nowhere"),
        (Wanted("web", "w9", state="drain"), "there is no server web/w9; with address it is added"),
        (Wanted("web", "w1", weight=257), "257 is not between 0 and 256"),
        (Wanted("web", "w1", address="192.0.2.99"), r"web/w1 is 192.0.2.21:80, not 192.0.2.99:80"),
        (Wanted("web", "w9", address="192.0.2.29", port=1, words=("nonsense",)), "unknown keyword 'nonsense'"),
    ],
)
def test_what_cannot_be_is_an_error(wanted: Wanted, words: str) -> None:
    with pytest.raises(HaproxyProblem, match=words):
        app.apply(wanted, FakeHaproxy())


def test_a_server_that_obeys_another_is_named() -> None:
    haproxy = FakeHaproxy()
    haproxy.deaf.add("w2")
    with pytest.raises(HaproxyProblem, match="web/w2 is ready with weight 1, not maint with weight 1: another server"):
        app.apply(Wanted("web", "w2", state="maint"), haproxy)


def test_the_weight_comes_before_the_state() -> None:
    server = Server("web", "w1", "2001:db8::1", 80, "maint", 10, up=True)
    wanted = Wanted("web", "w1", "ready", 5)
    assert plan(server, wanted) == ("set server web/w1 weight 5", "set server web/w1 state ready")
    assert predicted(server, wanted) == dataclasses.replace(server, state="ready", weight=5)
    (add, *_rest) = plan(None, Wanted("web", "w9", address="2001:db8::9", port=80, check=False))
    assert add == "add server web/w9 [2001:db8::9]:80"


def test_one_command_is_one_command() -> None:
    for command in ("show info; set server a/b state maint", "show info\nshow stat"):
        with pytest.raises(HaproxyProblem, match="more than one command"):
            client.over_socket("/nowhere")(command)
    with pytest.raises(client.NotRunning, match="does it run"):
        client.over_socket("/nowhere/at/all")("show info")


@pytest.mark.parametrize("debian", DEBIANS)
def test_what_real_ones_say_about_servers(debian: str) -> None:
    found = {each.place: each for each in parse.servers((FIXTURES / debian / "state.txt").read_text())}
    assert len(found) == 8
    w1, w2 = found["web/w1"], found["web/w2"]
    assert (w1.address, w1.port, w1.state, w1.weight, w1.up) == ("127.0.0.1", 24033, "ready", 7, True)
    assert (w2.state, w2.weight) == ("drain", 20)


@pytest.mark.parametrize(
    "bits", [(0, "ready"), (4, "ready"), (5, "maint"), (2, "maint"), (0x20, "maint"), (16, "drain")]
)
def test_bits_of_the_state(bits: tuple[int, str]) -> None:
    line = f"3 web 1 w1 192.0.2.1 0 {bits[0]} 1 1 1 1 0 2 0 0 0 0 web.example 80 - 0 0 - - 0\n"
    head = (FIXTURES / "debian12" / "state.txt").read_text().splitlines()[1]
    (server,) = parse.servers(f"1\n{head}\n{line}")
    assert (server.state, server.address, server.up) == (bits[1], "web.example", False)


@pytest.mark.parametrize("answer", ["", "2\n# x\n", "1\n# be_name\nweb\n", "Unknown command\n"])
def test_other_answers_are_errors(answer: str) -> None:
    with pytest.raises(HaproxyProblem):
        parse.servers(answer)
    with pytest.raises(HaproxyProblem, match="no statistics"):
        parse.statistics(answer)


@pytest.mark.parametrize("debian", DEBIANS)
def test_info_joins_state_and_statistics(debian: str) -> None:
    answers = {
        "show info": (FIXTURES / debian / "info.txt").read_text(),
        "show stat": (FIXTURES / debian / "stat.txt").read_text(),
        "show servers state": (FIXTURES / debian / "state.txt").read_text(),
        "show env": "PATH=/bin\nMIXED_LB_app_1=0a1b2c\n\n",
    }
    found = app.info(answers.__getitem__)
    assert found["version"].startswith({"debian12": "2.6", "debian13": "3.0"}[debian])
    assert found["generations"] == {"app_1": "0a1b2c"}
    assert "www" not in str(found["frontends"]) and {each["name"] for each in found["frontends"]} >= {"r", "w"}
    (web,) = (each for each in found["backends"] if each["name"] == "web")
    first, second = web["servers"]
    assert (first["name"], first["state"], first["weight"], first["check"]) == ("w1", "ready", 7, "L7OK")
    assert second["status"].startswith("DRAIN") and second["state"] == "drain" and not second["backup"]
