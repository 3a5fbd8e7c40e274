# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real server that answers what keepalived's checks ask: HTTPS on port 9443, SMTP on 9025, DNS on 9053, UDP on 9054.

While there is a file ``sick`` beside it, it answers wrongly: with an error in the protocol's words, and by UDP not at all.
"""

from __future__ import annotations

import asyncio
import pathlib
import ssl
import typing as t

HERE = pathlib.Path(__file__).parent
HTTPS, SMTP, DNS, UDP = 9443, 9025, 9053, 9054
IS_ANSWER, SERVFAIL = 0x8000, 2


def is_sick() -> bool:
    return (HERE / "sick").exists()


async def https(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    right = "Host: shop.example" in head and not is_sick()
    status, body = ("200 OK", b"shop is open") if right else ("500 Sick", b"")
    writer.write(f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"421 sick\r\n" if is_sick() else b"220 ready\r\n")
    while line := await reader.readline():
        writer.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 fine\r\n")
        await writer.drain()


class Names(asyncio.DatagramProtocol):
    """One answer to every question: the question itself, and an address."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = t.cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: t.Any) -> None:
        failed = is_sick() or b"\x04shop\x07example\x00\x00\x01" not in data
        flags = IS_ANSWER | (SERVFAIL if failed else 0)
        counts = bytes([0, 1, 0, 0 if failed else 1, 0, 0, 0, 0])
        address = b"" if failed else b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"
        self.transport.sendto(data[:2] + flags.to_bytes(2, "big") + counts + data[12:] + address, addr)


class Echo(Names):
    """Who asks as he should gets the same back."""

    def datagram_received(self, data: bytes, addr: t.Any) -> None:
        if data == b"\x70\x69\x6e\x67" and not is_sick():
            self.transport.sendto(data, addr)


async def closing(
    serve: t.Callable[[asyncio.StreamReader, asyncio.StreamWriter], t.Awaitable[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    try:
        await serve(reader, writer)
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(HERE / "server.pem")
    loop = asyncio.get_running_loop()
    await asyncio.start_server(lambda *ends: closing(https, *ends), port=HTTPS, ssl=context)
    await asyncio.start_server(lambda *ends: closing(smtp, *ends), port=SMTP)
    await loop.create_datagram_endpoint(Names, local_addr=("0.0.0.0", DNS))
    await loop.create_datagram_endpoint(Echo, local_addr=("0.0.0.0", UDP))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
