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
from ..ipvs.model import endpoint
from ..ipvs.runner import IpvsError, Live, ToolMissing, words_of
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
    """Until nothing is under way to the members, but ``at_least`` and at most ``timeout`` seconds: what is left then.

    Raises ``IpvsError`` where one still has a weight in the kernel's table.
    """
    begin = clock.now()
    while True:
        live = _live(session)
        left = count(session, live, members)
        # keepalived takes a moment after its reload
        fed = sorted(
            f"{endpoint(*one.key)} of {key}"
            for key, it in live.table.items()
            for one in it.destinations
            if one.weight and _is(one.key, members)
        )
        waited = clock.now() - begin
        if waited >= timeout or (not left and not fed and waited >= at_least):
            break
        clock.sleep(PAUSE)
    if fed:
        raise IpvsError(f"not drained: after {waited:g} s the IPVS table still has a weight for {', '.join(fed)}")
    return {"connections": sum(left.values()), "left": dict(left), "waited": round(waited, 1)}


def count(session: Session, live: Live, members: t.Collection[Place]) -> collections.Counter[str]:
    """Connections by address, in the kernel's table and of this host's own programs."""
    forwarded = [(end, numbers[2]) for (_service, end), numbers in live.activity.items() if end is not None]
    found: collections.Counter[str] = collections.Counter()
    for end, number in [*forwarded, *((end, 1) for end in _own(session, members))]:
        if number and _is(end, members):
            found[end[0]] += number
    return found


def _is(end: Place, members: t.Collection[Place]) -> bool:
    return end in members or (end[0], 0) in members


def _live(session: Session) -> Live:
    try:
        return session.ipvsadm.read() if session.loaded() else Live({}, {})
    except ToolMissing:
        return Live({}, {})


def _own(session: Session, members: t.Collection[Place]) -> list[Place]:
    # the kernel picks them out, however many others there are
    words = " or ".join(
        f"dst [{one}]" if ":" in one else f"dst {one}" for one in dict.fromkeys(end[0] for end in members)
    )
    answer = session.command(["ss", "-H", "-t", "-n", "state", "established", *words.split()])
    if answer.rc != 0:
        raise IpvsError(f"ss failed: {words_of(answer)}")
    return parse.peers(answer.out)
