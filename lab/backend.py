# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server behind a proxy, for light hosts: says who asked what, and is sick when it is told to be.

``python3 backend.py NAME [CERTIFICATE KEY]`` serves HTTP on port 8080, the same by TLS on 8443 where it has a
certificate, JSON for each datagram on 8080, and on 8082 reads requests and closes without an answer. ``.../healthz``
answers with the status that it was told, ``.../status/N`` with N, ``.../drip/N/S`` with N bytes, one each S seconds,
``.../held`` with a byte each second, so that no proxy takes it for dead, until it is told ``{"release": true}``; a request
that asks for an upgrade gets one, and its lines back; all else the request as JSON, and at ``.../cookie/NAME`` such a
cookie with it. What the PROXY protocol said before a request is in the answer, in the words of its version 1. On 9777 an
agent tells HAProxy how the server is.

A line of JSON on standard input, such as ``{"health": 500}``, changes what it does; the answer on standard output is
how many requests came, by method and port. It ends with its input.
"""

from __future__ import annotations

import asyncio
import collections
import ipaddress
import json
import re
import ssl
import struct
import sys
import typing as t

HTTP, BREAKS, TLS, AGENT = 8080, 8082, 8443, 9777
BEAT = 1
REASONS = {200: "OK", 500: "Internal Server Error"}


class Request(t.NamedTuple):
    """What a client asked for."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    proxy: str


class Backend:
    """One server."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state: dict[str, t.Any] = {"health": 200, "agent": "up ready"}
        self._released = asyncio.Event()
        self.requests: collections.Counter[str] = collections.Counter()

    def hear(self, state: dict[str, t.Any]) -> None:
        """What it does from now on."""
        if state.pop("release", False):
            self._released.set()
            self._released = asyncio.Event()
        self.state |= state

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection with one request or several."""
        port = writer.get_extra_info("sockname")[1]
        proxy = ""
        try:
            while request := await read(reader, proxy):
                proxy = request.proxy
                self.requests[f"{request.method} {port}"] += 1
                if port == BREAKS:
                    break
                if "upgrade" in request.headers:
                    await self._upgrade(request, reader, writer)
                    break
                await self._answer(request, writer)
                if request.headers.get("connection", "").lower() == "close":
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    async def tell(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Whoever connects to the agent is told one line."""
        writer.write(f"{self.state['agent']}\n".encode())
        writer.close()

    async def _upgrade(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = request.headers["upgrade"]
        writer.write(f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n".encode())
        while line := await reader.readline():
            writer.write(self.name.encode() + b" " + line)
            await writer.drain()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        status, body, chunks, pause = 200, b"", 0, 0.0
        if found := re.search(r"/drip/(\d+)/([\d.]+)$", request.path):
            chunks, pause = int(found[1]), float(found[2])
        elif request.path.endswith("/held"):
            await self._hold(writer)
            return
        elif request.path.endswith("/healthz"):
            status = self.state["health"]
        elif found := re.search(r"/status/(\d+)$", request.path):
            status = int(found[1])
        else:
            body = self.said(writer, request)
        head = f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}\r\nX-Server: {self.name}\r\n"
        if found := re.search(r"/cookie/(\w+)$", request.path):
            head += f"Set-Cookie: {found[1]}=mine\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body) + chunks}\r\n\r\n".encode())
        writer.write(b"" if request.method == "HEAD" else body)
        await writer.drain()
        for _byte in range(chunks):
            await asyncio.sleep(pause)
            writer.write(b"x")
            await writer.drain()

    async def _hold(self, writer: asyncio.StreamWriter) -> None:
        released = asyncio.ensure_future(self._released.wait())
        writer.write(f"HTTP/1.1 200 OK\r\nX-Server: {self.name}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        try:
            while not released.done():
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                await asyncio.wait([released], timeout=BEAT)
        finally:
            released.cancel()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    def said(self, writer: asyncio.StreamWriter, request: Request) -> bytes:
        """The request as JSON."""
        what = request._asdict() | {"body": len(request.body)}
        return json.dumps({"server": self.name, "peer": writer.get_extra_info("peername")[0], **what}).encode()


async def read(reader: asyncio.StreamReader, proxy: str) -> Request | None:
    """The next request, or None at the end of the connection."""
    line = (await reader.readline()).decode()
    if line == "\r\n":
        proxy, line = await _binary_proxy(reader), (await reader.readline()).decode()
    elif line.startswith("PROXY "):
        proxy, line = line.strip(), (await reader.readline()).decode()
    if not line:
        return None
    method, path, _version = line.split()
    headers: dict[str, str] = {}
    while header := (await reader.readline()).decode().strip():
        name, _colon, value = header.partition(":")
        name = name.lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body, proxy)


async def _binary_proxy(reader: asyncio.StreamReader) -> str:
    """The header of version 2, whose first two bytes are an empty line."""
    if await reader.readexactly(10) != b"\r\n\0\r\nQUIT\n":
        raise ValueError("neither a request nor the PROXY protocol")
    _command, family, length = struct.unpack("!BBH", await reader.readexactly(4))
    rest = await reader.readexactly(length)
    size = 4 if family == 0x11 else 16
    source, destination = (ipaddress.ip_address(rest[at : at + size]) for at in (0, size))
    ports = struct.unpack_from("!HH", rest, 2 * size)
    return f"PROXY TCP{source.version} {source} {destination} {ports[0]} {ports[1]}"


class Datagrams(asyncio.DatagramProtocol):
    """Answers every datagram."""

    def __init__(self, name: str) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = t.cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[t.Any, ...]) -> None:
        answer = {"server": self._name, "peer": addr[0], "body": len(data)}
        self._transport.sendto(json.dumps(answer).encode(), addr)


async def main(name: str, files: list[str]) -> None:
    backend = Backend(name)
    loop = asyncio.get_running_loop()
    for port in (HTTP, BREAKS):
        await asyncio.start_server(backend.serve, port=port, backlog=1024)
    await asyncio.start_server(backend.tell, port=AGENT)
    if files:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*files)
        await asyncio.start_server(backend.serve, port=TLS, ssl=context)
    await loop.create_datagram_endpoint(lambda: Datagrams(name), local_addr=("0.0.0.0", HTTP))
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        backend.hear(json.loads(line))
        print(json.dumps(backend.requests), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
