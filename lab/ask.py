# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client: asks a virtual service many times, each time in a new connection, and prints what came back as JSON.

``python3 ask.py tcp|udp ADDRESS PORT [--count N] [--path PATH] [--post BYTES] [--source ADDRESS] [--first-port PORT]
[--timeout SECONDS]``. From the first port on, each connection has the next one. Each answer has ``server``, ``client``
and ``local`` as the real server saw them, ``bytes`` of the body and the client's ``port``, or ``error``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import typing as t

Answer = dict[str, t.Any]


async def ask_tcp(options: argparse.Namespace, source: tuple[str, int]) -> Answer:
    """One HTTP request in a connection of its own."""
    reader, writer = await asyncio.open_connection(options.address, options.port, local_addr=source)
    port = writer.get_extra_info("sockname")[1]
    try:
        body = b"x" * options.post
        method = "POST" if options.post else "GET"
        head = (
            f"{method} {options.path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        headers, _blank, rest = (await reader.read(-1)).partition(b"\r\n\r\n")
        words = [line.split(": ", 1) for line in headers.decode().split("\r\n")[1:]]
        server = dict(word for word in words if len(word) == 2).get("Server", "")
        answer = json.loads(rest) if rest.startswith(b"{") else {}
        return {"server": server, **answer, "bytes": len(rest), "port": port}
    finally:
        writer.close()


async def ask_udp(options: argparse.Namespace, source: tuple[str, int]) -> Answer:
    """One datagram from a socket of its own."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in options.address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(source)
        # Connected: an answer from another address than the VIP is no answer.
        sock.connect((options.address, options.port))
        await loop.sock_sendall(sock, b"?")
        data = await loop.sock_recv(sock, 2048)
        return {**json.loads(data), "bytes": len(data), "port": sock.getsockname()[1]}


async def ask(options: argparse.Namespace) -> list[Answer]:
    """All answers, in order; one that failed has the reason."""
    answers: list[Answer] = []
    one = ask_tcp if options.protocol == "tcp" else ask_udp
    anywhere = "::" if ":" in options.address else "0.0.0.0"
    for turn in range(options.count):
        source = (options.source or anywhere, options.first_port + turn if options.first_port else 0)
        try:
            answers.append(await asyncio.wait_for(one(options, source), options.timeout))
        except (TimeoutError, OSError, ValueError) as error:
            answers.append({"error": str(error) or type(error).__name__})
    return answers


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("protocol", choices=["tcp", "udp"])
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--path", default="/")
    parser.add_argument("--post", type=int, default=0)
    parser.add_argument("--source", default="")
    parser.add_argument("--first-port", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=5)
    print(json.dumps(asyncio.run(ask(parser.parse_args()))))


if __name__ == "__main__":
    main()
