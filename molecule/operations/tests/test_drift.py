# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changes by hand is found, named, and put right; what is as described is not touched."""

from __future__ import annotations

from clients import PATIENT, Clients
from operations import Operations
from pair import Pair

FOREIGN = "192.0.2.77"
# Where, what, and how it is told.
CHANGES = [
    (
        "lb1",
        "ipvsadm -e -u 192.0.2.100:8080 -r 192.0.2.21:8080 -g -w 9",
        "is described with weight 1, but has weight 9",
    ),
    (
        "lb1",
        f"ipvsadm -a -t 192.0.2.100:8080 -r {FOREIGN}:8080 -g -w 0",
        f"not of the description: destination {FOREIGN}",
    ),
    ("lb1", "echo '# by hand' >>/etc/keepalived/mixed_lb/app.conf", "lb1 differs from the description: app: VIPs"),
    ("web1", "sysctl -qw net.ipv4.conf.eth0.arp_ignore=0", "web1 differs from the description: app: real servers (dr)"),
    ("web2", "ip address delete 2001:db8:0:2::100/128 dev lo", "web2 differs from the description: app: real servers"),
]


def test_changes_by_hand_are_found_and_put_right(operations: Operations, pair: Pair, clients: Clients) -> None:
    for host, command, _words in CHANGES:
        pair.lab.run(host, command)
    said = operations.refused("drift")
    for _host, _command, words in CHANGES:
        assert words in said, said
    assert "lb2 differs" not in said
    # nothing was touched
    assert operations.weights("lb1")["web1"] == {1, 9}
    with clients.asking("repair", PATIENT) as seen:
        operations.play("drift", repair=True)
    assert all(found["servers"].get("web1") and found["servers"].get("web2") for found in seen.values()), seen
    operations.have(web1=1, web2=2)
    assert FOREIGN not in pair.lab.run("lb1", "ipvsadm -Sn")
    assert operations.play("drift").count("as described") == 4
