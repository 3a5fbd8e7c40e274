# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One director and one nginx: rolled back, moved from mode to mode, with a real server less, and gone. In this order."""

from __future__ import annotations

from described import Service
from drills import check_all_answered
from life import APP, EDGE, SERVICES, Life, asking, tree

NGINX = "/etc/nginx /etc/mixed_lb/checker"
AT_THE_EDGE = [Service("tcp", "192.0.2.12", 80, "", 0)]


def test_rollback_brings_back_what_was_before_the_last_run(life: Life) -> None:
    life.describe({**APP, "hosts": "first", "mode": "nat"}, EDGE)
    life.play("site")
    before = tree(life.lab, "lb2", NGINX)
    life.change("edge", algorithm="least_conn")
    life.play("site")
    after = tree(life.lab, "lb2", NGINX)
    assert after != before
    with asking(life.lab, AT_THE_EDGE, "rollback") as seen:
        assert "changed=1" in life.play("rollback", "--check", lb_tier="edge")
        assert tree(life.lab, "lb2", NGINX) == after
        life.play("rollback", lb_tier="edge")
        assert tree(life.lab, "lb2", NGINX) == before
        assert "nothing is kept from before the run" in life.refused("rollback", lb_tier="edge")
        life.play("site", "--limit", "lb2")
        assert tree(life.lab, "lb2", NGINX) == after
    check_all_answered(seen)


def test_from_nat_to_dr(life: Life) -> None:
    life.migrate("dr", "lb1")
    rules = life.lab.run("web1", "ip rule; ip -6 rule; sysctl net.ipv4.conf.eth0.accept_redirects")
    assert "4010" not in rules, "what only nat needed is gone"


def test_from_dr_to_tun(life: Life) -> None:
    life.migrate("tun", "lb1")


def test_site_has_nothing_left_to_do(life: Life) -> None:
    """After all that the hosts are as a first run in this mode would have made them."""
    assert "changed=1" not in life.play("site", "--limit", "lb1,web1,web2")


def test_a_real_server_leaves(life: Life) -> None:
    with asking(life.lab, [*SERVICES, *AT_THE_EDGE], "decommission web2") as seen:
        life.play("decommission", lb_host="web2")
    check_all_answered(seen)
    assert life.left_on("web2") == []
    assert "192.0.2.22" not in life.lab.run("lb1", "ipvsadm -Sn")


def test_everything_goes(life: Life) -> None:
    assert "tier web is still sent to by app, edge" in life.refused("decommission", lb_tier="web")
    life.play("decommission", lb_all="true")
    assert life.left_on("lb1", "lb2", "web1", "web2") == []
