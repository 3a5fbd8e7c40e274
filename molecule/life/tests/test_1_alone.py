# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One director without keepalived, and proxies and a name server over the same real servers, through their life. In this order."""

from __future__ import annotations

import itertools
import re

import pytest
from ask import ask, share
from described import Service
from drills import check_all_answered
from life import APP, REST, SERVICES, VIPS, Life, asking, tree
from waiting import until

from playbooks import unchanged

EDGE = {"name": "edge", "kind": "nginx", "hosts": "second", "port": 80, "backend": "web"}
PROXY = {"name": "proxy", "kind": "haproxy", "hosts": "first", "port": 81, "backend": "web"}
WWW = {
    "name": "www",
    "kind": "dns",
    "hosts": "first",
    "zone": "shop.example",
    "record": "www",
    "ttl": 2,
    "backend": "web",
}
NGINX = "/etc/nginx /etc/mixed_lb/checker"
AT_THE_EDGE, AT_THE_PROXY = (
    Service("tcp", "192.0.2.12", 80, "", 0),
    Service("tcp", "192.0.2.11", 81, "", 0),
)
PROXIES = [AT_THE_EDGE, AT_THE_PROXY]
WRITES = "mixed_lb.stack.lvs_common : director_present | Write the IPVS table"
IN_FLIGHT = "drain | Wait for what is under way"


def senders(life: Life) -> dict[str, set[str]]:
    """Which real servers each tier sends something new to."""
    said = life.lab.run("client", "dig +short @192.0.2.11 www.shop.example").split()
    weights = life.weights("lb1")
    return {
        "app": {name for name, found in weights.items() if found != {0}},
        "edge": set(share(ask(life.lab, AT_THE_EDGE, 6))),
        "proxy": set(share(ask(life.lab, AT_THE_PROXY, 6))),
        "www": {f"web{one[-1]}" for one in said},
    }


def all_send_to(life: Life, *servers: str) -> None:
    wanted = {tier: set(servers) for tier in ("app", "edge", "proxy", "www")}
    until(lambda: senders(life), wanted, f"all tiers send to {servers}")


def test_rollback_brings_back_what_was_before_the_last_run(life: Life) -> None:
    life.describe({**APP, "hosts": "first", "mode": "nat"}, EDGE, PROXY, WWW)
    life.play("site")
    assert "nothing is kept from before the run" in life.refused("rollback", lb_tier="edge")
    before = tree(life.lab, "lb2", NGINX)
    life.change("edge", algorithm="least_conn")
    life.play("site")
    after = tree(life.lab, "lb2", NGINX)
    assert after != before
    with asking(life.lab, [AT_THE_EDGE], "rollback") as seen:
        assert not unchanged(life.play("rollback", "--check", lb_tier="edge"))
        assert tree(life.lab, "lb2", NGINX) == after
        life.play("rollback", lb_tier="edge")
        assert tree(life.lab, "lb2", NGINX) == before
        assert "nothing is kept from before the run" in life.refused("rollback", lb_tier="edge")
        life.play("site", "--limit", "lb2")
        assert tree(life.lab, "lb2", NGINX) == after
    check_all_answered(seen)


@pytest.mark.parametrize(("old", "new"), itertools.pairwise(["nat", "dr", "tun", "nat", "tun", "dr", "nat"]))
def test_from_any_mode_to_any(life: Life, old: str, new: str) -> None:
    """Each way once; the real server keeps nothing that only the old mode needed."""
    life.migrate(new, "lb1", again=(old, new) == ("nat", "dr"))
    needs = {
        "nat": "4010" in life.lab.run("web1", "ip rule; ip -6 rule"),
        "VIP": VIPS[0] in life.lab.run("web1", "ip address"),
        "tun": " lvs-" in life.lab.run("web1", "ip link"),
    }
    assert needs == {"nat": new == "nat", "VIP": new != "nat", "tun": new == "tun"}


def test_site_has_nothing_left_to_do(life: Life) -> None:
    """After all that the hosts are as a first run in this mode would have made them."""
    assert unchanged(said := life.play("site", "--diff")), said


def test_a_real_server_leaves_and_comes_back_by_site_alone(life: Life) -> None:
    life.leave_and_come_back(WRITES, ["lb1"], PROXIES)


def test_drained_in_every_tier_at_once_and_back(life: Life) -> None:
    """By a decommission that is cut off while it waits: the host is drained then, and ``undrain`` takes it back."""
    all_send_to(life, "web1", "web2")
    downloads = [life.held_by("web2", one) for one in (SERVICES[1], AT_THE_EDGE)]
    with asking(life.lab, [*SERVICES, *PROXIES], "web2 drained and back") as seen:
        with life.start("decommission", lb_host="web2") as run:
            run.reaches(IN_FLIGHT)
            all_send_to(life, "web1")
            run.cut_off()
        rows = re.findall(r"\bweb2 .* drained .*", life.play("status"))
        assert len(rows) == 6, rows
        life.play("undrain", lb_host="web2")
        all_send_to(life, "web1", "web2")
        assert life.weights("lb1") == {"web1": {1}, "web2": {2}}
        for download in downloads:
            download.ends_well()
    check_all_answered(seen)


def test_a_real_server_is_decommissioned(life: Life) -> None:
    with asking(life.lab, [*SERVICES, *PROXIES], "decommission web2") as seen:
        life.play("decommission", lb_host="web2")
        all_send_to(life, "web1")
    check_all_answered(seen)
    assert life.left_on("web2") == []
    assert list(life.weights("lb1")) == ["web1"]


def test_tiers_are_decommissioned(life: Life) -> None:
    assert "tier web is still sent to by app, edge, proxy, www" in life.refused("decommission", lb_tier="web")
    life.change("app", web=REST)
    with asking(life.lab, SERVICES, "decommission edge and www") as seen:
        life.play("decommission", lb_tier="edge,www")
    check_all_answered(seen)
    assert life.left_on("lb2") == []
    life.describe(life.stack["app"], life.stack["proxy"], web=REST)
    assert unchanged(said := life.play("site", "--diff")), said


def test_everything_goes(life: Life) -> None:
    """Cut off when the VIPs are gone, and run again."""
    with life.start("decommission", lb_all="true") as run:
        until(lambda: VIPS[0] in life.lab.run("lb1", "ip address"), False, "without VIPs", 180)
        run.cut_off()
    life.play("decommission", lb_all="true")
    assert life.left_on("lb1", "lb2", "web1", "web2") == []
