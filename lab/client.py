# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the client ``ask.py`` on a light host of a lab, and listens to others."""

from __future__ import annotations

import json
import pathlib
import select
import shlex
import subprocess
import sys
import typing as t

from .cluster import Lab

PROGRAM = pathlib.Path(__file__).with_name("ask.py")
# Below the ports that kernels pick by themselves, so that nobody else's connection has one of them.
PORTS = range(10_000, 30_000)
# Seconds until a client must have said its first word.
PATIENCE = 30


def ask(
    lab: Lab, protocol: str, vip: str, port: int, count: int = 1, host: str = "client", **options: t.Any
) -> list[dict[str, t.Any]]:
    """`count` answers, each of a connection of its own; one that failed has ``error``. For more options see ``ask.py``."""
    words = [sys.executable, str(PROGRAM), protocol, vip, str(port), "--count", str(count)]
    for name, value in {"first-port": fresh_ports(lab, count), **options}.items():
        words += [f"--{name}", str(value)]
    answers: list[dict[str, t.Any]] = json.loads(lab.run(host, shlex.join(words)))
    return answers


def fresh_ports(lab: Lab, count: int) -> int:
    """The first of `count` ports that this lab's clients have not used lately.

    A director remembers a UDP client's port for five minutes and a TCP client's for two: a packet from it goes where it
    went before, unscheduled, and the shares of a round are off by one.
    """
    note = lab.folder / "next-client-port"
    first = int(note.read_text()) if note.exists() else PORTS.start
    if first + count > PORTS.stop:
        first = PORTS.start
    note.write_text(str(first + count))
    return first


def first_line(process: subprocess.Popen[str]) -> str:
    """What a client says first; nothing where it ends without a word, or is silent for too long."""
    assert process.stdout is not None
    heard, _writable, _broken = select.select([process.stdout], [], [], PATIENCE)
    return process.stdout.readline() if heard else ""


def last_words(process: subprocess.Popen[str], patience: float) -> str:
    """Ends a client by the end of its input; returns what it says then. One that does not end in time is killed."""
    try:
        return process.communicate(timeout=patience)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]
