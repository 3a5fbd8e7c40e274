# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All real servers are worked on, one after the other, and no client notices; a broken update stops at the first."""

from __future__ import annotations

import pathlib

from clients import ALERT, PATIENT, Clients
from drills import check_all_answered, check_gaps
from operations import Operations
from pair import Pair

from lab.cluster import Lab

TASKS = pathlib.Path(__file__).parents[1] / "tasks"
STARTED = "systemctl show --property=ActiveEnterTimestampMonotonic --value lab-app"
BOOTED = "cat /proc/sys/kernel/random/boot_id"
VERSION = "dpkg-query -W -f '${Version}' lab-update"
# A package of version 1 that is installed, and one of version 2 in the repository of the host.
PACKAGES = """
set -e
cd /srv/repo
for version in 1 2; do
    mkdir -p new/DEBIAN
    printf '%%s\\n' 'Package: lab-update' "Version: $version" 'Architecture: all' 'Maintainer: lab <lab@example.org>' \
        'Description: something to update' >new/DEBIAN/control
    if [ $version = 2 ]; then %s; fi
    dpkg-deb --build new lab-update_$version.deb >/dev/null
done
dpkg --install lab-update_1.deb
{ echo; dpkg-deb --field lab-update_2.deb; echo Filename: ./lab-update_2.deb; echo Size: $(stat -c %%s lab-update_2.deb)
  echo SHA256: $(sha256sum lab-update_2.deb | cut -c -64); } >>Packages
"""
# What makes a reboot of it: a new kernel, and a package that says so.
KERNEL = "mkdir new/boot; echo none >new/boot/vmlinuz-lab"
ASKS = r"printf '#!/bin/sh\ntouch /run/reboot-required\n' >new/DEBIAN/postinst; chmod 755 new/DEBIAN/postinst"


def roll(name: str) -> dict[str, str]:
    return {"lb_roll": "web", "lb_tasks": str(TASKS / f"{name}.yml"), "lb_probe": str(TASKS / "probe.yml")}


def update(host: str) -> dict[str, str]:
    return {**roll("update"), "lb_tasks": "update.yml", "lb_roll": host}


def said_by(lab: Lab, command: str) -> list[str]:
    return [lab.run(host, command) for host in ("web1", "web2")]


def test_rolling_over_all_real_servers(operations: Operations, pair: Pair, clients: Clients) -> None:
    before = said_by(pair.lab, STARTED)
    with clients.asking("rolling", PATIENT) as seen:
        operations.play("rolling", **roll("restart"))
        operations.have(web1=1, web2=2)
    check_all_answered(seen)
    assert not set(before) & set(said_by(pair.lab, STARTED))
    assert operations.drained() == []


def test_a_failure_stops_it_with_the_host_drained_and_named(operations: Operations, clients: Clients) -> None:
    with clients.asking("a broken update", PATIENT) as seen:
        said = operations.refused("rolling", **roll("fail"))
    check_all_answered(seen)
    assert "web1 stay drained, and no other host was touched: web1, fail | Fail: this update is broken" in said
    operations.have(web1=0, web2=2)
    assert operations.drained() == ["web1"]


def test_updates_of_packages_and_kernels(operations: Operations, pair: Pair, clients: Clients) -> None:
    """Of a real server whose package asks for a reboot, and of a director, the one that holds the VIPs, with a new kernel."""
    holder = pair.gather()
    for host, reason in (("web2", ASKS), (holder, KERNEL)):
        pair.lab.run(host, PACKAGES % reason)
        booted = pair.lab.run(host, BOOTED)
        with clients.asking(f"{host} is updated and boots", PATIENT if host == "web2" else ALERT) as seen:
            operations.play("rolling", **update(host))
            operations.have(web1=1, web2=2)
        check_all_answered(seen) if host == "web2" else check_gaps(seen)
        assert pair.lab.run(host, VERSION) == "2"
        assert (after := pair.lab.run(host, BOOTED)) != booted
    pair.wait_for(pair.other(holder))
    # nothing is left to do, and nobody boots for that
    operations.play("rolling", **update(holder))
    assert pair.lab.run(holder, BOOTED) == after
