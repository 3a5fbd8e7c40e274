# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages and kernels are brought up to date under clients: of a real server, and of the director that holds the VIPs."""

from __future__ import annotations

import pytest
from clients import ALERT, PATIENT, Clients
from drills import check_all_answered, check_gaps
from frame import PROJECT
from life import APP, SERVICES, Life
from pair import Pair
from test_2_pair import MOVING

pytestmark = pytest.mark.thorough
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


def update(host: str) -> dict[str, str]:
    probe = PROJECT / "molecule" / "operations" / "tasks" / "probe.yml"
    return {"lb_roll": host, "lb_tasks": "update.yml", "lb_probe": str(probe)}


def test_updates_of_packages_and_kernels(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """One package asks for a reboot; the kernel does not."""
    life.describe({**APP, **MOVING, "inner_vips": [], "mode": "dr"})
    life.play("site")
    pair = Pair(life.lab, ["lb1", "lb2"], list(life.stack.values()))
    pair.wait_for_pools()
    holder = pair.gather()
    # mitogen, by which scenarios are faster, does not find a host again that has booted
    monkeypatch.setenv("ANSIBLE_STRATEGY", "linear")
    for host, reason in (("web2", ASKS), (holder, KERNEL)):
        life.lab.run(host, PACKAGES % reason)
        booted = life.lab.run(host, BOOTED)
        with Clients(life.lab, SERVICES).asking(f"{host} boots", PATIENT if host == "web2" else ALERT) as seen:
            life.play("rolling", **update(host))
        check_all_answered(seen) if host == "web2" else check_gaps(seen)
        assert life.lab.run(host, VERSION) == "2"
        assert (after := life.lab.run(host, BOOTED)) != booted
    pair.wait_for(pair.other(holder))
    # nothing is left to do, and nobody boots for that
    life.play("rolling", **update(holder))
    assert life.lab.run(holder, BOOTED) == after


def test_everything_goes(life: Life) -> None:
    """Also what a director has kept over its reboot."""
    life.play("decommission", lb_all="true")
    assert life.left_on("lb1", "lb2", "web1", "web2") == []
