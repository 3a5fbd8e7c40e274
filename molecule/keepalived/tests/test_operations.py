# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server behind nginx and HAProxy is drained in both, and comes back; its host itself need not be reached."""

from __future__ import annotations

import pytest
from clients import PATIENT, Clients
from drills import check_all_answered
from play import play
from proxies import Proxies, wait_for
from web import Sites


def run(playbook: str, *words: str, **variables: object) -> str:
    done = play(variables, *words, playbook=f"playbooks/{playbook}.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.once
@pytest.mark.stage("first")
def test_drain_and_undrain_lose_no_request(pair: Proxies, clients: Clients, sites: Sites) -> None:
    with clients.asking("drain behind proxies", PATIENT) as seen:
        run("drain", lb_host="web2")
        wait_for(pair.lab, {"web1", "web3"})
    check_all_answered(seen)
    with clients.asking("drained behind proxies", PATIENT) as seen:
        run("site", "--limit", "edge1")
    check_all_answered(seen)
    assert all(set(found["servers"]) == {"web1", "web3"} for found in seen.values()), seen
    said = run("status")
    assert said.count("drained  0 of 2") == 4, said
    with clients.asking("undrain behind proxies", PATIENT) as seen:
        run("undrain", lb_host="web2")
        wait_for(pair.lab, set(sites))
    check_all_answered(seen)
    assert "drained  0 of" not in run("status")
