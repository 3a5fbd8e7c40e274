# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gRPC server behind a proxy, for light hosts: answers every call with one message, and trailers.

``python3 rpc.py NAME`` listens on port 8081 without TLS, and says ``ready`` on standard output. The message is text, not
a protocol buffer: the server's name, the path of the call, and the bytes that came.
"""

from __future__ import annotations

import asyncio
import struct
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

PORT = 8081


class Rpc(asyncio.Protocol):
    """One connection with any number of calls."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._paths: dict[int, str] = {}
        self._came: dict[int, int] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._http2.initiate_connection()
        transport.write(self._http2.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self._http2.receive_data(data):
            if isinstance(event, RequestReceived):
                self._paths[event.stream_id] = {str(name): str(value) for name, value in event.headers}[":path"]
                self._came[event.stream_id] = 0
            elif isinstance(event, DataReceived):
                self._came[event.stream_id] += len(event.data)
                self._http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self._answer(event.stream_id)
        self._transport.write(self._http2.data_to_send())

    def _answer(self, stream: int) -> None:
        message = f"{self.name} {self._paths.pop(stream)} {self._came.pop(stream)}\n".encode()
        self._http2.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        self._http2.send_data(stream, struct.pack("!BI", 0, len(message)) + message)
        self._http2.send_headers(stream, [("grpc-status", "0")], end_stream=True)


async def main(name: str) -> None:
    await asyncio.get_running_loop().create_server(lambda: Rpc(name), "0.0.0.0", PORT)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
