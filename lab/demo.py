# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: the example inventory ``hybrid_dns_nginx_dr`` on virgin hosts, asked by name, with its active hosts dying."""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import typing as t

from . import cache, report
from .capture import Capture, syn_acks
from .client import first_line, last_words
from .cluster import Lab, LabError, find
from .machine import mac
from .sandbox import SandboxError

PROJECT = pathlib.Path(__file__).resolve().parent.parent
INVENTORY = PROJECT / "inventories" / "hybrid_dns_nginx_dr"
PICTURE = PROJECT / ".cache" / "demo_report.html"
NAME = "www.shop.example"
NAME_SERVERS = ("192.0.2.5", "192.0.2.6")
VIP, INNER_VIP = "192.0.2.100", "203.0.113.100"
EDGES, DIRECTORS, SERVERS = ("edge1", "edge2"), ("lb1", "lb2"), ("web1", "web2", "web3")
STORAGE, FOLDER = "storage1", "/srv/files"
REQUESTS = 40
PATIENCE = 60


def main() -> int:
    """Runs it."""
    parser = argparse.ArgumentParser(prog="./demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the lab up")
    keep = parser.parse_args().keep
    lab = find("demo")
    lab.down()
    try:
        lab.up(PROJECT / "lab" / "topologies" / "hybrid.yml")
        tables = [
            _table(
                [
                    "",
                    "tasks that changed",
                    "the name leads to",
                    f"answers to {REQUESTS} requests",
                    "replies come from",
                    f"a file of {STORAGE} is served by",
                ],
                [_row(lab, "built from nothing", _site(lab)), _row(lab, "run once more", _site(lab))],
            ),
            _table(
                [
                    "under the eyes of a client that asks every 20 ms",
                    "no answer for",
                    "requests that failed",
                    "then on",
                ],
                [_power_cut(lab, DIRECTORS, INNER_VIP), _power_cut(lab, EDGES, VIP), _storage_cut(lab)],
            ),
        ]
        with report.step(f"ansible-playbook playbooks/report.yml, into {PICTURE.name}"):
            _play(lab, "playbooks/report.yml", "-e", f"lb_report={PICTURE}")
        print("\n" + "\n\n".join(tables))
        print(f"\nThe picture of the stack, and how all of it is: {PICTURE}")
    except (LabError, SandboxError, cache.CacheError, subprocess.CalledProcessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        if not keep:
            lab.down()
    if keep:
        print("The lab is up: .venv/bin/python -m lab ssh demo lb1; end it with .venv/bin/python -m lab down demo")
    return 0


def _site(lab: Lab) -> int:
    """Runs site.yml; returns how many tasks changed something."""
    with report.step("ansible-playbook site.yml"):
        said = _play(lab, "site.yml")
    return sum(int(changed) for changed in re.findall(r"changed=(\d+)", said))


def _play(lab: Lab, playbook: str, *words: str) -> str:
    """Runs a playbook as a user would, by plain ssh; returns what it said."""
    done = subprocess.run(
        ["ansible-playbook", "-i", str(INVENTORY), "-i", str(lab.folder / "inventory.yml"), playbook, *words],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_PIPELINING": "True"},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"{playbook} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def _row(lab: Lab, what: str, changed: int) -> list[str]:
    """Asks by name through every tier and says who answered, by which way, and what the run before changed."""
    found = {server: lab.run("client", f"dig @{server} +short {NAME} A").split() for server in NAME_SERVERS}
    vips = {vip for some in found.values() for vip in some}
    if vips != {VIP} or not all(found.values()):
        raise LabError(f"{NAME} leads to {found}")
    machines = {mac(lab.topology.host(host), 0): host for host in SERVERS + DIRECTORS}
    with Capture(lab, f"{_holder(lab, EDGES, VIP)}.1", f"tcp and src host {INNER_VIP}") as capture:
        request = {"address": VIP, "port": 80, "headers": {"Host": NAME}}
        served = collections.Counter(answer["said"]["server"] for answer in _browse(lab, [request] * REQUESTS))
        frames = capture.until(lambda some: len(syn_acks(some)) >= REQUESTS)
    senders = sorted({machines.get(frame.source, frame.source) for frame in syn_acks(frames)})
    shares = " ".join(f"{host}:{served[host]}" for host in sorted(served))
    request = _publish(lab, "hello", what)
    files = {(answer["headers"]["x-server"], answer["text"]) for answer in _browse(lab, [request] * REQUESTS)}
    if {text for _server, text in files} != {f"{what}\n"}:
        raise LabError(f"a file of {STORAGE} is served as {files}")
    holders = ", ".join(sorted(server for server, _text in files))
    return [what, str(changed), f"{VIP}, nginx", shares, f"{', '.join(senders)}, past the director", holders]


def _publish(lab: Lab, name: str, text: str) -> dict[str, t.Any]:
    """Lays a file down on the storage host; returns the request for it."""
    lab.run(STORAGE, f"echo {text} >{FOLDER}/{name}; sync")
    return {"address": VIP, "port": 80, "path": f"/file{FOLDER}/{name}", "headers": {"Host": NAME}}


def _browse(lab: Lab, requests: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    answers = _answers(lab, requests)
    failed = [answer for answer in answers if answer.get("status") != 200]
    if failed:
        raise LabError(f"{len(failed)} of {len(answers)} requests failed: {failed[0]}")
    return answers


def _answers(lab: Lab, requests: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    argv = [*lab.sandbox.enter("client"), sys.executable, str(PROJECT / "lab" / "browse.py")]
    done = subprocess.run(argv, input=json.dumps(requests), capture_output=True, text=True, check=True)
    answers: list[dict[str, t.Any]] = json.loads(done.stdout)
    return answers


def _power_cut(lab: Lab, pair: t.Sequence[str], vip: str) -> list[str]:
    """Cuts the power of whoever holds the VIP; says what a client of the whole stack saw, and who holds it now."""
    holder = _holder(lab, pair, vip)
    other = next(host for host in pair if host != holder)
    with report.step(f"power cut of {holder}"), _asking(lab) as seen:
        lab.power_cut([holder])
        _until(lambda: _holds(lab, other, vip), f"{other} holds {vip}")
    with report.step(f"{holder} comes back"):
        lab.power_on([holder])
        _until(
            lambda: lab.run(holder, "systemctl is-active keepalived", check=False) == "active\n", f"{holder} is back"
        )
    return [f"power cut of {holder}", f"{seen['gap']:.2f} s", f"{seen['failed']} of {seen['asked']}", other]


def _storage_cut(lab: Lab) -> list[str]:
    """Cuts the power of the storage host: files are gone until it is back, and a client of all else sees nothing."""
    # one that no real server has opened: of others they may remember the content
    request = {**_publish(lab, "unseen", "hello"), "timeout": 3}

    def is_served() -> bool:
        return all(answer.get("status") == 200 for answer in _answers(lab, [request] * len(SERVERS)))

    with report.step(f"power cut of {STORAGE}"), _asking(lab) as seen:
        lab.power_cut([STORAGE])
        _until(lambda: not is_served(), "its files are gone")
    with report.step(f"{STORAGE} comes back"):
        lab.power_on([STORAGE])
        _until(is_served, "its files are served again")
    return [f"power cut of {STORAGE}", f"{seen['gap']:.2f} s", f"{seen['failed']} of {seen['asked']}", "files again"]


@contextlib.contextmanager
def _asking(lab: Lab) -> t.Iterator[dict[str, t.Any]]:
    """A client asks meanwhile; afterwards the mapping has what it saw (see lab/steady.py)."""
    argv = [*lab.sandbox.cable("client"), sys.executable, str(PROJECT / "lab" / "steady.py"), VIP, "80"]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seen: dict[str, t.Any] = {}
    try:
        if first_line(process) != "answered\n":
            raise LabError("nobody answers")
        yield seen
    finally:
        out = last_words(process, PATIENCE)
    seen |= json.loads(out)


def _holder(lab: Lab, pair: t.Sequence[str], vip: str) -> str:
    """Who of the pair has the VIP, once one of them has."""
    _until(lambda: any(_holds(lab, host, vip) for host in pair), f"{vip} is held")
    return next(host for host in pair if _holds(lab, host, vip))


def _holds(lab: Lab, host: str, vip: str) -> bool:
    return f" {vip}/" in lab.run(host, "ip -oneline address show")


def _until(ready: t.Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise LabError(f"after {PATIENCE} s not yet: {what}")
        time.sleep(0.1)


def _table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines
    )


if __name__ == "__main__":
    sys.exit(main())
