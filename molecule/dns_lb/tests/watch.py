# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resolver under whose eyes servers die: asks for a name at a steady pace, and prints what came as JSON.

``python3 watch.py ADDRESS NAME`` asks for A records every 10 ms until its input ends. The line ``asking`` tells that it
has begun. The result: ``asked``, ``unanswered``, ``statuses`` (how many replies of each), ``addresses`` (in how many
replies each was), ``slowest`` (seconds that the slowest reply took), ``lost`` (when the unanswered were asked: the first
and the last, in seconds since the beginning).
"""

from __future__ import annotations

import asyncio
import collections
import ipaddress
import json
import sys
import time

INTERVAL = 0.01
TIMEOUT = 6.0
STATUSES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
A = 1


class Watch(asyncio.DatagramProtocol):
    """Questions by number, and what came back."""

    def __init__(self, name: str) -> None:
        self.question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
        self.asked = 0
        self.begin = time.monotonic()
        self.answered: set[int] = set()
        self.statuses: collections.Counter[str] = collections.Counter()
        self.addresses: collections.Counter[str] = collections.Counter()
        self.slowest = 0.0

    def ask(self, transport: asyncio.DatagramTransport) -> None:
        transport.sendto(self.asked.to_bytes(2) + bytes.fromhex("00000001000000000000") + self.question)
        self.asked += 1

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        number = int.from_bytes(data[:2])
        self.answered.add(number)
        self.slowest = max(self.slowest, time.monotonic() - self.begin - number * INTERVAL)
        self.statuses[STATUSES[data[3] & 15]] += 1
        self.addresses.update(self._addresses(data))

    def error_received(self, exc: OSError) -> None:
        """Nobody listens there: no answer."""

    def _addresses(self, data: bytes) -> list[str]:
        at, found = 12 + len(self.question), []
        for _record in range(int.from_bytes(data[6:8])):
            # Each begins with a pointer of two bytes to the name that was asked for.
            kind, length = int.from_bytes(data[at + 2 : at + 4]), int.from_bytes(data[at + 10 : at + 12])
            if kind == A:
                found.append(str(ipaddress.ip_address(data[at + 12 : at + 12 + length])))
            at += 12 + length
        return sorted(found)


async def main(address: str, name: str) -> None:
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.read)
    transport, watch = await loop.create_datagram_endpoint(lambda: Watch(name), remote_addr=(address, 53))
    print("asking", flush=True)
    watch.begin = time.monotonic()
    while not ended.done():
        watch.ask(transport)
        await asyncio.sleep(max(0.0, watch.begin + watch.asked * INTERVAL - time.monotonic()))
    deadline = time.monotonic() + TIMEOUT
    while len(watch.answered) < watch.asked and time.monotonic() < deadline:
        await asyncio.sleep(INTERVAL)
    lost = sorted(set(range(watch.asked)) - watch.answered)
    print(
        json.dumps(
            {
                "asked": watch.asked,
                "unanswered": len(lost),
                "statuses": watch.statuses,
                "addresses": watch.addresses,
                "slowest": round(watch.slowest, 2),
                "lost": [round(number * INTERVAL, 2) for number in lost[:1] + lost[-1:]],
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
