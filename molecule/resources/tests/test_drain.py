# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drained real server gets nothing new, what runs through it finishes, and its weight comes back."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from ask import ask, share
from conftest import PROJECT, SCENARIO
from described import Described, Service

from lab.client import PROGRAM
from lab.cluster import Lab


def destination(service: Service, stack: Described, server: str, state: str) -> None:
    """Calls the module for real, as a user would from a playbook."""
    rip = next(a for a in stack.addresses(server) if (":" in a) == (":" in service.vip))
    port = 8080 if stack.mode == "nat" else service.port
    key = {"protocol": "tcp", "address": service.vip, "port": service.port}
    arguments = json.dumps({"service": key, "address": rip, "port": port, "forward": stack.mode, "state": state})
    argv = ["ansible", "lb1", "-i", str(PROJECT / ".lab" / "scenarios" / f"{SCENARIO}.yml")]
    done = subprocess.run(
        [*argv, "-m", "mixed_lb.stack.ipvs_destination", "-a", arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.kinds("lvs")
@pytest.mark.modes("dr", "nat", "tun")
@pytest.mark.stage("first")
def test_drain(lab: Lab, stack: Described) -> None:
    """A download of three seconds is under way on each real server; one is drained meanwhile."""
    service = next(service for service in stack.services if service.protocol == "tcp")
    total = sum(stack.weight(host) for host in stack.real_servers)
    argv = [*lab.sandbox.enter("client"), sys.executable, str(PROGRAM), "tcp", service.vip, str(service.port)]
    argv += ["--path", "/drip/30/0.3", "--timeout", "60"]
    downloads = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _turn in range(total)]
    running = f"[ $(ipvsadm -Lnc | grep -c ESTABLISHED.*{service.vip}) -ge {total} ]"
    lab.run("lb1", f"for i in $(seq 50); do {running} && exit 0; sleep 0.1; done; ipvsadm -Lnc >&2; exit 1")
    destination(service, stack, "web2", "drained")
    assert "web2" not in share(ask(lab, service, 3 * total))
    answers = [json.loads(download.communicate()[0])[0] for download in downloads]
    assert [answer.get("bytes") for answer in answers] == [30] * total, answers
    assert "web2" in {answer["server"] for answer in answers}
    destination(service, stack, "web2", "present")
    assert share(ask(lab, service, total)).get("web2") == stack.weight("web2")
