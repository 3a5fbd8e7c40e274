# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same load for everybody: so many requests a second, each in a new connection, whether others are answered or not.

``python3 offered.py ADDRESS PORT PATH RATE SECONDS`` prints JSON: ``good`` (answers with status 200 and a whole body),
``failed``, and ``late``: by how many seconds the client itself was behind its own clock at worst.
"""

from __future__ import annotations

import errno
import json
import selectors
import socket
import sys
import time

TIMEOUT = 5
CHUNK = 1 << 20


class Offered:
    """What was asked and seen so far."""

    def __init__(self, address: str, port: int, path: str) -> None:
        self.where = (address, port)
        self.request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()
        self.open: dict[socket.socket, bytearray] = {}
        self.good = self.failed = 0
        self.late = 0.0
        self._selector = selectors.DefaultSelector()

    def run(self, rate: float, seconds: float) -> None:
        """Ask ``rate`` times a second for ``seconds``, then wait for the last answers."""
        begin, asked, count = time.monotonic(), 0, round(rate * seconds)
        while asked < count:
            due = begin + asked / rate
            now = time.monotonic()
            if now < due:
                self._wait(due - now)
                continue
            self.late = max(self.late, now - due)
            self._ask()
            asked += 1
        deadline = time.monotonic() + TIMEOUT
        while self.open and time.monotonic() < deadline:
            self._wait(deadline - time.monotonic())
        for one in list(self.open):
            self._close(one, good=False)

    def _ask(self) -> None:
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.open[one] = bytearray()
        self._selector.register(one, selectors.EVENT_WRITE)
        if one.connect_ex(self.where) not in (0, errno.EINPROGRESS):
            self._close(one, good=False)

    def _wait(self, seconds: float) -> None:
        for key, events in self._selector.select(max(0, seconds)):
            one = key.fileobj
            assert isinstance(one, socket.socket)
            try:
                if events & selectors.EVENT_WRITE:
                    one.send(self.request)
                    self._selector.modify(one, selectors.EVENT_READ)
                elif data := one.recv(CHUNK):
                    self.open[one] += data
                else:
                    self._close(one, whole(self.open[one]))
            except OSError:
                self._close(one, good=False)

    def _close(self, one: socket.socket, good: bool) -> None:
        self._selector.unregister(one)
        one.close()
        del self.open[one]
        self.good += good
        self.failed += not good


def whole(answer: bytes | bytearray) -> bool:
    """Whether this is status 200 and as much of a body as its head says."""
    head, _blank, body = bytes(answer).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    return first.split()[1:2] == ["200"] and fields.get("content-length") == str(len(body))


def main(address: str, port: str, path: str, rate: str, seconds: str) -> None:
    offered = Offered(address, int(port), path)
    offered.run(float(rate), float(seconds))
    print(json.dumps({"good": offered.good, "failed": offered.failed, "late": offered.late}))


if __name__ == "__main__":
    main(*sys.argv[1:])
