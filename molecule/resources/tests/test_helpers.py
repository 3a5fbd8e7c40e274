# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protocols that the director looks into: FTP, whose words carry addresses, and SIP, whose calls have names."""

from __future__ import annotations

import json
import pathlib
import shlex
import sys
import typing as t
import uuid

import pytest
from described import Described

from lab.cluster import Lab

LINES = 20_000
CALLS = 6
PORTS = 3


def run(lab: Lab, program: str, *words: object) -> t.Any:
    """What a program of this folder prints, run on the client."""
    path = pathlib.Path(__file__).with_name(program)
    return json.loads(lab.run("client", shlex.join([sys.executable, str(path), *map(str, words)])))


@pytest.mark.modes("nat")
@pytest.mark.stage("second")
def test_passive_ftp_keeps_to_one_real_server(lab: Lab, stack: Described) -> None:
    """The answer to PASV names the VIP, and the file comes whole from the server that greeted; so with EPSV."""
    four, six = stack.tier("talk")["vips"]
    for vip, *words in ([four], [four, "extended"], [six]):
        sessions = run(lab, "fetch.py", vip, len(stack.real_servers), LINES, *words)
        assert [session["data_host"] for session in sessions] == [vip] * len(sessions)
        assert [session["lines"] for session in sessions] == [{session["server"]: LINES} for session in sessions]
        assert {session["server"] for session in sessions} == set(stack.real_servers)


@pytest.mark.modes("nat")
@pytest.mark.stage("second")
def test_sip_calls_stay_together(lab: Lab, stack: Described) -> None:
    """Datagrams of one call meet one real server, from whatever port; calls are spread evenly, also those of one port."""
    calls = [f"{uuid.uuid4()}@example.net" for _call in range(CALLS)]
    for vip in stack.tier("talk")["vips"]:
        met = run(lab, "invite.py", vip, PORTS, *calls)
        assert all(len(set(met[call])) == 1 for call in calls), met
        first = [met[call][0] for call in calls]
        each = CALLS // len(stack.real_servers)
        assert {server: first.count(server) for server in first} == dict.fromkeys(stack.real_servers, each), met
