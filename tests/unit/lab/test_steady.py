# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the steady client finds the address of a name."""

from __future__ import annotations

import argparse
import asyncio
import io
import socket
import sys

import pytest
from ansible_collections.mixed_lb.stack.lab import steady

QUESTION = b"\3www\4shop\7example\0\0\1\0\1"
ALIVE, SILENT, EMPTY, CLOSED = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"


class Server(asyncio.DatagramProtocol):
    """Says an address, says that there is none, or says nothing."""

    def __init__(self, host: str) -> None:
        self.host = host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert data[12:] == QUESTION
        if self.host == ALIVE:
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4" + socket.inet_aton("192.0.2.100")
            self.transport.sendto(data[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + QUESTION + record, addr)
        elif self.host == EMPTY:
            self.transport.sendto(data[:2] + b"\x84\0\0\1\0\0\0\0\0\0" + QUESTION, addr)


async def look_up(servers: list[str]) -> str:
    loop = asyncio.get_running_loop()
    for host in (ALIVE, SILENT, EMPTY):
        await loop.create_datagram_endpoint(lambda host=host: Server(host), local_addr=(host, steady.DNS))
    return await steady._look_up("www.shop.example", servers)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("", 0))
        monkeypatch.setattr(steady, "DNS", free.getsockname()[1])
    # a test of one that is silent takes so long, and no busy machine takes longer to answer
    monkeypatch.setattr(steady, "SILENCE", 0.5)


@pytest.mark.parametrize("first", [ALIVE, SILENT, EMPTY, CLOSED])
def test_a_name_server_that_says_nothing_useful_is_left_for_the_next(first: str) -> None:
    assert asyncio.run(look_up([first, ALIVE])) == "192.0.2.100"


def test_without_any_the_request_fails() -> None:
    with pytest.raises(OSError, match="no name server answers"):
        asyncio.run(look_up([SILENT, CLOSED]))


def test_after_its_end_nobody_is_waited_for_longer_than_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at that port."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(steady, "LAST", 0.2)
    words = {"address": ALIVE, "port": steady.DNS, "interval": 0.02, "timeout": 0.25, "name_server": [], "most": 10}
    seen = asyncio.run(steady.watch(argparse.Namespace(**words)))
    assert seen["asked"] == seen["failed"] and 0 < seen["gap"] < 5
