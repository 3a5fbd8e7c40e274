# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients of a proxy at once, under whose eyes things change: prints what they saw as JSON.

``python3 crowd.py ADDRESS PORT [--host NAME] [--path PATH] [--clients N] [--pause SECONDS] [--timeout SECONDS]`` asks
until its input ends, each request in a connection of its own. The line ``answered`` tells the first good answer. The
result: ``asked``, ``failed`` (how many had no answer or another status than 200), ``why`` (of those, by reason),
``servers`` (answers by server) and ``last`` (when each server answered last, by the machine's monotonic clock).
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import sys
import time


class Crowd:
    """What was seen so far."""

    def __init__(self) -> None:
        self.asked = 0
        self.why: collections.Counter[str] = collections.Counter()
        self.servers: collections.Counter[str] = collections.Counter()
        self.last: dict[str, float] = {}

    async def ask(self, options: argparse.Namespace) -> None:
        """One request in a connection of its own."""
        self.asked += 1
        try:
            status, server = await asyncio.wait_for(_ask(options), options.timeout)
        except (TimeoutError, OSError, ValueError) as error:
            self.why[str(error) or type(error).__name__] += 1
            return
        if status != 200:
            self.why[f"status {status}"] += 1
            return
        if not self.servers:
            print("answered", flush=True)
        self.servers[server] += 1
        self.last[server] = time.monotonic()

    def report(self) -> dict[str, object]:
        """The result."""
        return {
            "asked": self.asked,
            "failed": self.why.total(),
            "why": self.why,
            "servers": self.servers,
            "last": self.last,
        }


async def _ask(options: argparse.Namespace) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection(options.address, options.port)
    try:
        writer.write(f"GET {options.path} HTTP/1.1\r\nHost: {options.host}\r\nConnection: close\r\n\r\n".encode())
        head, blank, _body = (await reader.read(-1)).decode().partition("\r\n\r\n")
        if not blank:
            raise ValueError("no whole answer")
        first, *lines = head.split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in lines).get("X-Server", "")
    finally:
        writer.close()


async def crowd(options: argparse.Namespace) -> dict[str, object]:
    """Asks until standard input ends."""
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    seen = Crowd()

    async def client() -> None:
        while not ended.done():
            await seen.ask(options)
            await asyncio.sleep(options.pause)

    await asyncio.gather(*(client() for _client in range(options.clients)))
    return seen.report()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--host", default="lab")
    parser.add_argument("--path", default="/")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("--timeout", type=float, default=5)
    print(json.dumps(asyncio.run(crowd(parser.parse_args()))), flush=True)


if __name__ == "__main__":
    main()
