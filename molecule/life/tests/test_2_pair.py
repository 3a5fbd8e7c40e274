# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of directors: its VIPs go where they are sent, its mode changes, real servers and a director leave. In this order."""

from __future__ import annotations

import pathlib

import pytest
from clients import Clients, broken
from described import Service
from drills import check_all_answered, check_gaps
from life import APP, SERVICES, VIPS, Life, asking
from pair import Pair

pytestmark = pytest.mark.thorough
MOVING = {
    "hosts": "directors",
    "inner_vips": ["192.0.2.99", "2001:db8:0:2::99"],
    "check": {"type": "http", "path": "/"},
    # A move may leave connections in the table that have ended; the default would keep them, and who waits for them, for 15 min.
    "timeouts": {"tcp": 60},
}
WAITS = "mixed_lb.stack.keepalived : leaving | Wait for what is under way"


def pair_of(life: Life) -> Pair:
    return Pair(life.lab, ["lb1", "lb2"], list(life.stack.values()))


def test_ipv6_alone_shares_its_connections_too(life: Life) -> None:
    life.describe({**APP, **MOVING, "mode": "dr", "vips": [VIPS[1]], "inner_vips": []})
    life.play("site")
    pair = pair_of(life)
    pair.wait_for_pools()
    clients = Clients(life.lab, SERVICES[1:])
    download = clients.download(SERVICES[1])
    clients.is_known(download, pair.other(pair.gather()))
    pair.move("app")
    assert broken([download]) == []


def test_failover_there_and_back(life: Life) -> None:
    """The first one is cut off on its way, and run again."""
    life.describe({**APP, **MOVING, "mode": "nat"})
    life.play("site")
    pair = pair_of(life)
    pair.wait_for_pools()
    holder = pair.settle()["app"]
    for host in (pair.other(holder), holder):
        with Clients(life.lab, SERVICES).asking(f"failover to {host}") as seen:
            if host != holder:
                with life.start("failover", lb_tier="app", lb_to=host) as run:
                    run.reaches("Wait until it has them")
                    run.cut_off()
            life.play("failover", lb_tier="app", lb_to=host)
        check_gaps(seen)
        assert pair.settle() == {"app": host}
    assert "it is not a host of that tier" in life.refused("failover", lb_tier="app", lb_to="web1")


FILES = pathlib.Path(__file__).parents[1] / "files"
STAND_INS = {"nft": "/usr/sbin/nft", "nftables.service": "/etc/systemd/system/nftables.service"}
RULES = "/etc/mixed_lb/firewall/stack.nft"


def test_rules_stay_whatever_nftables_does(life: Life) -> None:
    """The role and systemd are real. nft is not, as the lab's kernels have no tables of the family inet."""
    host = "lb1"

    def do(command: str) -> str:
        return life.lab.run(host, command)

    def are_loaded() -> bool:
        return do(f"nft --stateless list table inet mixed_lb_stack | cmp -s - {RULES} && echo yes || true") != ""

    for name, path in STAND_INS.items():
        do(f"cat >{path} <<'END'\n{(FILES / name).read_text()}END\nchmod 755 {path}")
    try:
        life.play("site", "--limit", host, lb_firewall=True)
        assert are_loaded() and "192.0.2.12" in do(f"cat {RULES}"), "the other director may send adverts"
        for word in ("start", "restart", "reload", "stop", "start"):
            do(f"systemctl {word} nftables")
            assert are_loaded() is (word != "stop"), word
        do("systemctl enable nftables; sync")
        life.lab.reboot([host])
        assert are_loaded()
        do("nft flush ruleset")
        life.play("site", "--limit", host, lb_firewall=True)
        assert are_loaded()
        life.play("site", "--limit", host, lb_firewall=False)
        assert not are_loaded()
    finally:
        do(f"systemctl disable --now nftables; rm -rf /run/nft {' '.join(STAND_INS.values())}; systemctl daemon-reload")
    pair_of(life).settle()


def test_from_nat_to_dr(life: Life) -> None:
    life.migrate("dr", pair_of(life).settle()["app"])


MORE = ["192.0.2.101", "2001:db8:0:2::101"]
THEIRS = [Service("tcp", vip, 8080, "wrr", 0) for vip in MORE]


def test_vips_come_and_go(life: Life) -> None:
    """Each host gets and loses them in its turn; those from before stay where they are, and who asks for any is answered."""
    with pair_of(life).one_holder_at_every_look(), asking(life.lab, SERVICES, "VIPs come and go") as before:
        life.change("app", vips=[*VIPS, *MORE])
        life.play("site")
        life.change("app", leaving_vips=MORE)
        with asking(life.lab, THEIRS, "VIPs leave") as leaving:
            life.play("site")
        life.change("app", vips=list(VIPS), leaving_vips=[])
        life.play("site")
    check_all_answered(before)
    check_all_answered(leaving)
    assert not [host for host in ("lb1", "lb2", "web1", "web2") if MORE[0] in life.lab.run(host, "ip address")]


def test_a_real_server_leaves_and_comes_back_by_site_alone(life: Life) -> None:
    life.leave_and_come_back(WAITS, ["lb1", "lb2"])


def test_a_director_leaves(life: Life) -> None:
    """The one that holds the VIPs."""
    pair_of(life).gather("lb1")
    with Clients(life.lab, SERVICES).asking("decommission lb1") as seen:
        life.play("decommission", lb_host="lb1")
    check_gaps(seen)
    assert life.left_on("lb1") == []


def test_everything_goes(life: Life) -> None:
    life.given["lb_stack"]["tiers"][0]["hosts"] = "second"
    life.play("decommission", lb_all="true")
    assert life.left_on("lb1", "lb2", "web1", "web2") == []
