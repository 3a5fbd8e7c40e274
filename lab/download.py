# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client with a download that goes on until it is told to stop, and prints as JSON what it saw.

``python3 download.py ADDRESS PORT`` prints the name of the server once the first byte is there, and reads until its input
ends. The result: ``bytes``, ``gap`` (the longest time without one, in seconds) and ``cut`` (whether the other side ended it).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time

SECONDS, PAUSE = 600, 0.1
"""How long it would last, and the time from byte to byte."""
REQUEST = f"GET /drip/{int(SECONDS / PAUSE)}/{PAUSE} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"


async def download(address: str, port: int) -> dict[str, object]:
    """Until standard input ends, or the download does."""
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(REQUEST.encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    await reader.readexactly(1)
    print(next(line for line in head if line.startswith("X-Server: ")).removeprefix("X-Server: "), flush=True)
    told = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    count, gap, cut, latest = 1, 0.0, False, time.monotonic()
    while not cut and not told.done():
        try:
            data = await asyncio.wait_for(reader.read(1024), PAUSE)
        except TimeoutError:
            data = None
        except OSError:
            data = b""
        count, cut = count + len(data or b""), data == b""
        gap = max(gap, time.monotonic() - latest)
        latest = time.monotonic() if data else latest
    writer.close()
    return {"bytes": count, "gap": round(gap, 3), "cut": cut}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(download(options.address, options.port))), flush=True)


if __name__ == "__main__":
    main()
