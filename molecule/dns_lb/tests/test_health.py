# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites die, fall ill and come back; servers start while sites are dead."""

from __future__ import annotations

import pytest
from ask_dns import BOUND, SERVERS, SITES, Names
from web import Sites

from lab.cluster import Lab

WEB1, WEB2, WEB3 = SITES.values()

pytestmark = pytest.mark.stage("first")


@pytest.mark.parametrize("how", ["dead", "ill", "gone"])
def test_out_in_time_and_back(lab: Lab, names: Names, sites: Sites, how: str) -> None:
    """Connections refused; 500 on the path of the check while all else is served; no packet comes back."""
    {
        "dead": sites["web2"].stop,
        "ill": lambda: sites["web2"].answer_checks(500),
        "gone": lambda: lab.partition(["web2"]),
    }[how]()

    def led_to(server: str, times: int = 30) -> set[str]:
        replies = names.ask_all(server, ["www.shop.example", "cdn.shop.example"] * times)
        return {address for reply in replies for address in reply.values()}

    try:
        out = names.wait(lambda server: WEB2 not in names.ask(server, "www.shop.example").values(), "web2 is out")
        print(f"{how}: out after {out}")
        assert max(out.values()) <= BOUND, out
        # each name has checks of its own
        names.wait(lambda server: WEB2 not in led_to(server), "web2 is out of both")
        for server in SERVERS:
            assert WEB2 not in led_to(server, 100)
    finally:
        lab.heal(["web2"])
        sites["web2"].recover()
    back = names.wait(lambda server: WEB2 in names.ask(server, "www.shop.example").values(), "web2 is back")
    print(f"{how}: back after {back}")
    # After an unplugged cable the first packet may wait for a second: ARP asks again.
    assert max(back.values()) <= BOUND, back


def test_failover_group_by_group(names: Names, sites: Sites) -> None:
    for host, following in (("web1", WEB2), ("web2", WEB3)):
        sites[host].stop()
        names.wait(lambda server: names.ask(server, "orders.shop.example").values() == [following], f"{following}")  # noqa: B023  # used at once
    sites["web1"].start()
    names.wait(lambda server: names.ask(server, "orders.shop.example").values() == [WEB1], "web1 is first again")


def test_failover_to_a_group_when_the_last_of_one_is_gone(names: Names, sites: Sites) -> None:
    """By checks over TLS."""
    for host, left in (("web1", [WEB2]), ("web2", [WEB3])):
        sites[host].stop()
        names.wait(lambda server: names.ask(server, "stock.shop.example").values() == left, f"{left}")  # noqa: B023  # used at once


def test_a_dead_address_takes_only_its_own_clients_along(names: Names, sites: Sites) -> None:
    questions = [f"app.shop.example +subnet=10.1.{number}.0/24" for number in range(100)]
    before = [reply.values() for reply in names.ask_all("edge1", questions)]
    sites["web3"].stop()
    names.wait(lambda server: names.ask(server, "www.shop.example").values() == [WEB1, WEB2], "web3 is out")
    for server in SERVERS:
        after = [reply.values() for reply in names.ask_all(server, questions)]
        moved = {tuple(one) for one, other in zip(before, after, strict=True) if one != other}
        assert moved == {(WEB3,)} and [WEB3] not in after
    # Nobody is left for no place in particular: the nearest to Tokyo is now San Francisco's.
    assert names.ask("edge1", "near.shop.example +subnet=198.51.100.128/26").values() == [WEB1]


def test_when_all_are_down(names: Names, sites: Sites) -> None:
    """Each name has its own way: all of them, none, a failure, or addresses that are not checked."""
    for site in sites.values():
        site.stop()
    questions = [f"{name}.shop.example" for name in ("www", "cdn", "orders", "app")]
    wanted = [("SERVFAIL", []), ("NOERROR", []), ("NOERROR", [WEB1, WEB2, WEB3]), ("NOERROR", ["192.0.2.99"])]
    names.wait(
        lambda server: [(reply.status, reply.values()) for reply in names.ask_all(server, questions)] == wanted,
        "all are down",
    )


@pytest.mark.parametrize("how", ["restart", "power"])
def test_no_dead_address_after_a_start(lab: Lab, names: Names, sites: Sites, how: str) -> None:
    """web1 and web3 are dead: while the one server starts, it refuses, and the other one answers."""
    for host in ("web1", "web3"):
        sites[host].stop()
    names.wait(lambda server: names.ask(server, "www.shop.example").values() == [WEB2], "only web2 is up")
    if how == "power":
        lab.power_cut(["edge1"])
    with names.watched("edge1", "www.shop.example") as seen, names.watched("edge2", "www.shop.example") as other:
        if how == "restart":
            lab.run("edge1", "systemctl restart pdns")
        else:
            lab.power_on(["edge1"])
            lab.run("edge1", "systemctl start pdns")
        assert names.ask("edge1", "www.shop.example").values() == [WEB2]
    assert set(seen["addresses"]) == {WEB2} and seen["statuses"]["NOERROR"] > 0, seen
    # Proves that somebody asked before the checks had run.
    assert seen["statuses"]["SERVFAIL"] > 0, seen
    assert other["unanswered"] == 0 and set(other["statuses"]) == {"NOERROR"}, other
