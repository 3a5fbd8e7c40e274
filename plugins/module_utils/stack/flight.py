# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a balancer has under way to members of its pools."""

from __future__ import annotations

import collections
import ipaddress
import time
import typing as t

from ..ipvs.app import Session
from ..ipvs.runner import IpvsError, ToolMissing, words_of
from . import parse
from .parse import Place

PAUSE = 0.5
"""Seconds between two looks."""


class Clock(t.NamedTuple):
    """Time, and how to let it pass."""

    now: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], t.Any] = time.sleep


REAL = Clock()


def place(address: str, port: int) -> Place:
    """Raises ``IpvsError`` for what is no IP address."""
    try:
        return str(ipaddress.ip_address(address)), port
    except ValueError as error:
        raise IpvsError(f"{address!r} is no IP address") from error


def wait(
    session: Session, members: t.Collection[Place], timeout: float, at_least: float, clock: Clock = REAL
) -> dict[str, t.Any]:
    """Until nothing is under way to the members, but ``at_least`` and at most ``timeout`` seconds: what is left then."""
    begin = clock.now()
    while True:
        left = count(session, members)
        waited = clock.now() - begin
        if waited >= timeout or (not left and waited >= at_least):
            return {"connections": sum(left.values()), "left": dict(left), "waited": round(waited, 1)}
        clock.sleep(PAUSE)


def count(session: Session, members: t.Collection[Place]) -> collections.Counter[str]:
    """Connections by address, in the kernel's table and of this host's own programs."""
    found: collections.Counter[str] = collections.Counter()
    for (address, port), number in [*_forwarded(session), *_own(session, members)]:
        if {(address, port), (address, 0)} & set(members) and number:
            found[address] += number
    return found


def _forwarded(session: Session) -> t.Iterator[tuple[Place, int]]:
    try:
        activity = session.ipvsadm.read().activity if session.loaded() else {}
    except ToolMissing:
        return
    for (_service, destination), numbers in activity.items():
        if destination is not None:
            yield destination, numbers[2]


def _own(session: Session, members: t.Collection[Place]) -> t.Iterator[tuple[Place, int]]:
    # the kernel picks them out, however many others there are
    words = " or ".join(f"dst [{address}]" if ":" in address else f"dst {address}" for address, _port in members)
    answer = session.command(["ss", "-H", "-t", "-n", "state", "established", *words.split()])
    if answer.rc != 0:
        raise IpvsError(f"ss failed: {words_of(answer)}")
    for far in parse.peers(answer.out):
        yield far, 1
