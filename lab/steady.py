# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client under whose eyes things die: asks at a steady pace by its own clock, and prints what it saw as JSON.

``python3 steady.py ADDRESS PORT [--interval SECONDS] [--timeout SECONDS] [--most SECONDS]`` asks until its input ends,
and on until something asked after that has been answered, for half a minute at most: what comes then belongs to the gap.
The line ``answered`` tells the first answer, so that nothing dies before it is watched. The result: ``asked``, ``failed``
(how many got none, or another status than 200), ``gap`` (the longest time without one, in seconds), ``servers`` (answers
by real server) and ``why``: by reason how many failed, and when the first and the last of them were asked, in seconds
from the beginning.

With ``--name-server ADDRESS``, which may be there several times, the first word is a name, which each request looks up
anew: the servers take turns to be asked first, and one that is silent for a second is left for the next, as a resolver
with ``options rotate timeout:1`` does it. The name is asked for again after all of them, and then the request has failed.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import ipaddress
import itertools
import json
import math
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"
LOOK_UPS, SILENCE = 2, 1.0
DNS, ADDRESS_RECORD = 53, 1
LAST = 30


class Watch:
    """What was seen so far."""

    def __init__(self) -> None:
        self.asked = self.failed = 0
        self.answers: list[float] = []
        self.latest = 0.0  # when the latest of the answered requests was asked
        self.servers: collections.Counter[str] = collections.Counter()
        self.why: dict[str, list[float]] = {}

    async def ask(self, address: str, port: int, timeout: float, name_servers: list[str]) -> None:
        """One request in a connection of its own."""
        self.asked += 1
        begin = time.monotonic()
        first = self.asked % len(name_servers) if name_servers else 0
        try:
            if name_servers:
                address = await _look_up(address, (name_servers[first:] + name_servers[:first]) * LOOK_UPS)
            server = await asyncio.wait_for(_server(address, port), timeout)
        except (TimeoutError, OSError, ValueError) as error:
            self.failed += 1
            self.why.setdefault(str(error) or type(error).__name__, []).append(begin)
            return
        if not self.answers:
            print("answered", flush=True)
        self.answers.append(time.monotonic())
        self.latest = max(self.latest, begin)
        self.servers[server] += 1

    def report(self, begin: float) -> dict[str, object]:
        """The result. The time before the first answer counts as a gap too."""
        moments = [begin, *sorted(self.answers)]
        gap = max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0)
        gap = max(gap, time.monotonic() - moments[-1])
        why = {
            reason: [len(times), *(round(one - begin, 1) for one in (min(times), max(times)))]
            for reason, times in self.why.items()
        }
        numbers = {"asked": self.asked, "failed": self.failed, "gap": round(gap, 3)}
        return {**numbers, "servers": dict(self.servers), "why": why}


async def _server(address: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(REQUEST)
        head, blank, _body = (await reader.read(-1)).partition(b"\r\n\r\n")
        if not blank:
            raise ValueError("no whole answer")
        first, *lines = head.decode().split("\r\n")
        if first.split()[1] != "200":
            raise ValueError(first)
        words = {name.lower(): value for name, _colon, value in (line.partition(": ") for line in lines)}
        # a proxy says who it is itself, where a server would
        return words.get("x-server") or words.get("server", "")
    finally:
        writer.close()


class _Reply(asyncio.DatagramProtocol):
    """What comes back for one question."""

    def __init__(self) -> None:
        self.data: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.data.done():
            self.data.set_result(data)

    def error_received(self, exc: Exception) -> None:
        # Nobody listens there.
        if not self.data.done():
            self.data.set_exception(exc)


async def _look_up(name: str, servers: list[str]) -> str:
    for server in servers:
        try:
            return await asyncio.wait_for(_ask_name_server(name, server), SILENCE)
        except (TimeoutError, OSError, ValueError):
            continue
    raise OSError("no name server answers")


async def _ask_name_server(name: str, server: str) -> str:
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    loop = asyncio.get_running_loop()
    transport, reply = await loop.create_datagram_endpoint(_Reply, remote_addr=(server, DNS))
    try:
        transport.sendto(bytes.fromhex("000000000001000000000000") + question)
        data = await reply.data
    finally:
        transport.close()
    # A record begins with a pointer of two bytes to the name that was asked for.
    record = data[12 + len(question) :]
    if data[3] & 15 or int.from_bytes(record[2:4], "big") != ADDRESS_RECORD:
        raise ValueError("no address")
    return str(ipaddress.ip_address(record[12:16]))


async def watch(options: argparse.Namespace) -> dict[str, object]:
    """Asks until standard input ends, or the time is up."""
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.read)
    seen, begin, running = Watch(), time.monotonic(), set()
    turn, end = 0, math.inf
    while seen.latest < end and time.monotonic() < min(begin + options.most, end + LAST):
        if ended.done():
            end = min(end, time.monotonic())
        task = asyncio.create_task(seen.ask(options.address, options.port, options.timeout, options.name_server))
        running.add(task)
        task.add_done_callback(running.discard)
        turn += 1
        # by the clock, not after each other: a slow answer must not slow the pace down
        await asyncio.sleep(max(0.0, begin + turn * options.interval - time.monotonic()))
    await asyncio.gather(*running)
    return seen.report(begin)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--interval", type=float, default=0.02)
    parser.add_argument("--timeout", type=float, default=0.25)
    parser.add_argument("--name-server", action="append", default=[])
    parser.add_argument("--most", type=float, default=120)
    print(json.dumps(asyncio.run(watch(parser.parse_args()))), flush=True)


if __name__ == "__main__":
    main()
