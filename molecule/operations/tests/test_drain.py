# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is drained gets nothing new, loses nothing that runs, and stays so until it is taken back."""

from __future__ import annotations

from clients import PATIENT, Clients, Download, broken
from drills import check_all_answered, check_gaps
from operations import NOTE, Operations
from pair import Pair

from playbooks import unchanged

SECONDS = 30
"""That a download takes, longer than all that comes before the wait for its end."""


def downloads(clients: Clients) -> list[Download]:
    """Under way on every real server: as many as their weights together."""
    service = clients.services[0]
    return [clients.download(service, SECONDS) for _turn in range(3)]


def test_drain_loses_nothing_and_lasts(operations: Operations, pair: Pair, clients: Clients) -> None:
    """Until it is taken back; meanwhile the last one cannot be drained."""
    holder = pair.gather()
    running = downloads(clients)
    vip = clients.services[0].vip
    busy = f"ipvsadm -Lnc | grep -c 'ESTABLISHED.*{vip}:8080 *192.0.2.21'"
    pair.lab.run(holder, f"for i in $(seq 50); do {busy} && exit 0; sleep 0.1; done; ipvsadm -Lnc >&2; exit 1")
    with clients.asking("drain", PATIENT) as seen:
        said = operations.play("drain", lb_host="web1", lb_drain_timeout=2 * SECONDS)
    check_all_answered(seen)
    # it has waited for the end of the downloads
    assert "there are still connections" not in said
    assert None not in [download.poll() for download in running]
    assert broken(running) == []
    operations.have(web1=0, web2=2)
    with clients.asking("drained", PATIENT) as seen:
        # others may run what they like, wherever
        operations.play("site", "--limit", "lb1")
        operations.play("site")
    check_all_answered(seen)
    assert all(set(found["servers"]) == {"web2"} for found in seen.values()), seen
    operations.have(web1=0, web2=2)
    said = operations.refused("drain", lb_host="web2")
    assert "web2 cannot be drained: lb1 would have 0 of 2 hosts of tier web left for tier app" in said
    operations.have(web1=0, web2=2)
    assert operations.drained() == ["web1"]
    # again is no problem
    assert unchanged(operations.play("drain", lb_host="web1"))
    status = operations.play("status")
    assert "No findings" in status and status.count("drained  0 of 1") == 8
    with clients.asking("undrain", PATIENT) as seen:
        operations.play("undrain", lb_host="web1")
        operations.have(web1=1, web2=2)
    check_all_answered(seen)
    assert operations.drained() == []


def test_what_is_left_after_the_time_is_said(operations: Operations, pair: Pair, clients: Clients) -> None:
    running = downloads(clients)
    said = operations.play("drain", lb_host="web1", lb_drain_timeout=1)
    assert "there are still connections" in said and "192.0.2.21" in said
    assert broken(running) == []


def test_an_interrupted_run_is_finished_by_the_next(operations: Operations, pair: Pair) -> None:
    """It was cut off when the first director knew, and had not acted."""
    pair.lab.run("lb1", f'mkdir -p /etc/mixed_lb; echo \'{{"web1": ["192.0.2.21"]}}\' >{NOTE}')
    operations.play("drain", lb_host="web1")
    operations.have(web1=0, web2=2)
    # only one of them was told that it is over
    pair.lab.run("lb2", f"rm {NOTE}")
    operations.play("undrain", lb_host="web1")
    operations.have(web1=1, web2=2)


def test_a_director_lets_go_of_its_vips(operations: Operations, pair: Pair, clients: Clients) -> None:
    holder = pair.gather()
    other = pair.other(holder)
    with clients.asking("a director drained") as seen:
        operations.play("drain", lb_host=holder)
        pair.wait_for(other)
    check_gaps(seen)
    said = operations.refused("drain", lb_host=other)
    assert f"{other} cannot be drained: tier app would have 0 of 2 hosts left" in said
    operations.play("site")
    pair.wait_for(other)
    operations.play("undrain", lb_host=holder)
    assert operations.play("status").count("No findings") == 1
