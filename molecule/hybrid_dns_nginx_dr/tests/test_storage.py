# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is published once, and what a dead storage host takes along: its files, and nothing else."""

from __future__ import annotations

import concurrent.futures
import time
import uuid

import pytest
from browser import Answer, browse
from clients import PATIENT, REPORT, Clients
from described import Described
from drills import check_all_answered
from pair import Pair
from proxies import front
from waiting import until

from lab.cluster import Lab

STORAGE = "storage1"
ROUNDS = 12
# A proxy waits a minute for an answer, and says 504.
PROXY_WAITS = 60
BOUND = PROXY_WAITS + 5
# A server of NFS that comes back gives its clients this long to claim what they had open, and lets nobody else open anything
# meanwhile, unless all of them have claimed; then they have to notice. The lab has its own time, lab/guest/root/etc/nfs.conf.d.
GRACE = 15
NOTICED = 60
# Whoever asks for a file that is not there again shall ask again instead of waiting.
SOON = 3


def publish(lab: Lab, stack: Described, name: str) -> str:
    """Lay a file down on the storage host, so that it outlives its power; returns its text."""
    tier, text = stack.tier("files"), uuid.uuid4().hex
    lab.run(STORAGE, f"echo {text} >{tier.get('export', tier['path'])}/{name}; sync")
    return f"{text}\n"


def fetch(lab: Lab, stack: Described, name: str, count: int = 1, **more: object) -> list[Answer]:
    """Ask for it through all tiers."""
    path = f"/file{stack.tier('files')['path']}/{name}"
    request = {"address": front(stack)["vips"][0], "port": 80, "path": path, "headers": {"Host": "www.shop.example"}}
    return browse(lab, [{**request, **more}] * count, all_answered=False)


def served(lab: Lab, stack: Described, name: str, **more: object) -> set[tuple[str, str]]:
    """Who answers, and what."""
    answers = fetch(lab, stack, name, ROUNDS, **more)
    return {(answer.get("headers", {}).get("x-server", ""), answer.get("text", "")) for answer in answers}


def wait_until_served(lab: Lab, stack: Described, name: str, text: str) -> None:
    """Every real server has it; the storage host may have booted a moment ago."""
    wanted = {(host, text) for host in stack.real_servers}
    until(lambda: served(lab, stack, name, timeout=SOON), wanted, "served by all", patience=GRACE + NOTICED)


def members(lab: Lab, host: str) -> tuple[list[str], str]:
    """The real servers in a director's table, and how often one was taken out of it."""
    table = lab.run(host, "ipvsadm -Ln | awk '/Route/ {print $2, $4}'").splitlines()
    return sorted(table), lab.run(host, "journalctl --unit=keepalived | grep -c 'Removing service' || true")


def test_a_file_published_once_is_served_by_every_real_server(lab: Lab, stack: Described, edges: Pair) -> None:
    """Also the second time, with something else in it."""
    wait_until_served(lab, stack, "published", publish(lab, stack, "published"))
    for _time in range(2):
        text = publish(lab, stack, "published")
        assert served(lab, stack, "published") == {(host, text) for host in stack.real_servers}


def test_real_servers_have_that_mount_alone_and_cannot_write(lab: Lab, stack: Described) -> None:
    """Not even one that mounts it for writing: the storage host refuses."""
    tier = stack.tier("files")
    source = f"{stack.addresses(STORAGE)[0]}:{tier.get('export', tier['path'])}"
    write = "touch %s/new 2>&1 || true"
    rebel = f"mkdir -p /run/rebel; mount -t nfs4 -o rw,retry=0 {source} /run/rebel; {write % '/run/rebel'}; umount /run/rebel"
    for host in stack.real_servers:
        said = lab.run(host, write % tier["path"]), lab.run(host, rebel)
        assert all("Read-only file system" in line for line in said), (host, said)
        mounted = lab.run(host, "findmnt --raw --noheadings --output=TARGET --types=nfs4").split()
        assert mounted == [tier["path"]], host


@pytest.mark.once
@pytest.mark.stage("first")
def test_dead_storage_takes_nothing_but_its_files(
    lab: Lab, stack: Described, edges: Pair, directors: Pair, clients: Clients
) -> None:
    """Every real server has requests that wait for it, and whoever asks for something else notices nothing."""
    fetch(lab, stack, "published", ROUNDS)
    text = publish(lab, stack, "unseen")
    before = {host: members(lab, host) for host in directors.hosts}
    lab.power_cut([STORAGE])
    try:
        with clients.asking("storage dead", PATIENT) as seen:
            begin = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(ROUNDS) as pool:
                asked = [pool.submit(fetch, lab, stack, "unseen", timeout=2 * BOUND) for _each in range(ROUNDS)]
                answers = [answer for one in asked for answer in one.result()]
            took = time.monotonic() - begin
        check_all_answered(seen)
        assert all(answer.get("status") in (500, 504) for answer in answers), answers
        assert took <= BOUND
        assert {host: members(lab, host) for host in directors.hosts} == before
    finally:
        lab.power_on([STORAGE])
    with clients.asking("storage back", PATIENT) as seen:
        begin = time.monotonic()
        wait_until_served(lab, stack, "unseen", text)
        back = time.monotonic() - begin
    check_all_answered(seen)
    codes = sorted({answer["status"] for answer in answers})
    REPORT.append(f"files of dead storage: {codes} after {took:.1f} s at most; back {back:.1f} s after it answered ssh")
