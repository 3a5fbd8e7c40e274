# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections that the kernel remembers, one by one: which of those that were open once are open still."""

from __future__ import annotations

import collections
import ipaddress
import time
import typing as t

from .app import Session
from .model import normal_address
from .parse import ParseError

TABLE = "/proc/net/ip_vs_conn"
# A connection keeps the forwarding method that it began with. One that only closes has sent all that it had to send.
OPEN = frozenset({"SYN_SENT", "SYN_RECV", "ESTABLISHED", "SYNACK", "NEW"})
PAUSE = 1.0
"""Seconds between two looks."""


class Connection(t.NamedTuple):
    """A client's connection to a virtual service, and where it goes. Addresses as usual, ports are numbers."""

    protocol: str
    client: str
    client_port: int
    vip: str
    port: int
    real_server: str
    real_port: int


def open_connections(text: str, vips: t.Collection[str]) -> dict[Connection, str]:
    """Those to ``vips`` that are open, each with its state, out of the text of the kernel's table. Raises ``ParseError``.

    Datagrams do not open or close anything, and templates of persistence are no connections: neither is among them.
    """
    found: dict[Connection, str] = {}
    for line in text.splitlines()[1:]:
        words = line.split()
        try:
            protocol, state = words[0], words[7]
            if protocol == "TCP" and state in OPEN and words[2] != "0000":
                ends = [(_address(words[at]), int(words[at + 1], 16)) for at in (1, 3, 5)]
                one = Connection(protocol, *ends[0], *ends[1], *ends[2])
                found |= {one: state} if one.vip in vips else {}
        except (IndexError, ValueError) as error:
            raise ParseError(f"{TABLE} has a line that is not understood: {line!r}") from error
    return found


def _address(word: str) -> str:
    """IPv4 as one hexadecimal number, IPv6 in full."""
    return str(ipaddress.ip_address(word) if ":" in word else ipaddress.IPv4Address(int(word, 16)))


def wait(
    session: Session,
    vips: t.Iterable[str],
    timeout: float,
    now: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], t.Any] = time.sleep,
) -> dict[str, t.Any]:
    """Until the connections that are open now have ended, at most ``timeout`` seconds.

    Returns ``known``, ``connections`` (how many of these are left), ``left`` and ``states`` (the same by real server and by
    the kernel's state) and ``waited``. Raises ``ModelError`` for what is no address.
    """
    wanted = {normal_address(vip) for vip in vips}
    begin = now()
    known = left = _look(session, wanted)
    while left and now() - begin < timeout:
        sleep(PAUSE)
        left = {one: state for one, state in _look(session, wanted).items() if one in left}
    return {
        "known": len(known),
        "connections": len(left),
        "left": _counted(one.real_server for one in left),
        "states": _counted(left.values()),
        "waited": round(now() - begin, 1),
    }


def _counted(words: t.Iterable[str]) -> dict[str, int]:
    return dict(sorted(collections.Counter(words).items()))


def _look(session: Session, vips: t.Collection[str]) -> dict[Connection, str]:
    return open_connections(session.files.read(TABLE) or "", vips)
