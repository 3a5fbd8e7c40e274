# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drained real server gets nothing new, what runs through it finishes, and its weight comes back."""

from __future__ import annotations

import pytest
from ask import ask, share
from clients import Clients
from described import Described, Service
from module import call

from lab.cluster import Lab


def destination(service: Service, stack: Described, server: str, state: str) -> None:
    rip = next(a for a in stack.addresses(server) if (":" in a) == (":" in service.vip))
    port = 8080 if stack.mode == "nat" else service.port
    key = {"protocol": "tcp", "address": service.vip, "port": service.port}
    wanted = {"service": key, "address": rip, "port": port, "forward": stack.mode, "state": state}
    call("lb1", "ipvs_destination", wanted)


@pytest.mark.kinds("lvs")
@pytest.mark.modes("dr", "nat", "tun")
@pytest.mark.stage("first")
def test_drain(lab: Lab, stack: Described) -> None:
    """Downloads are under way on all real servers; one is drained meanwhile."""
    service = next(service for service in stack.services if service.protocol == "tcp")
    total = sum(stack.weight(host) for host in stack.real_servers)
    clients = Clients(lab, [service])
    downloads = [clients.hold(service) for _turn in range(total)]
    assert "web2" in {download.server for download in downloads}
    destination(service, stack, "web2", "drained")
    assert "web2" not in share(ask(lab, service, 3 * total))
    for download in downloads:
        download.ends_well()
    destination(service, stack, "web2", "present")
    assert share(ask(lab, service, total)).get("web2") == stack.weight("web2")
