# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP client: sends datagrams of some calls from each of some ports, and prints who answered as JSON.

``python3 invite.py ADDRESS PORTS CALL_ID...`` prints a list of servers, one a port, by Call-ID. A datagram without an
answer within five seconds is an error.
"""

from __future__ import annotations

import json
import socket
import sys


def invite(sock: socket.socket, call: str) -> str:
    """The server that answers."""
    host, port = sock.getsockname()[:2]
    headers = {
        "Via": f"SIP/2.0/UDP [{host}]:{port};branch=z9hG4bK{port}",
        "From": "<sip:caller@example.net>;tag=1",
        "To": "<sip:callee@example.com>",
        "Call-ID": call,
        "CSeq": "1 INVITE",
        "Content-Length": "0",
    }
    lines = ["INVITE sip:callee@example.com SIP/2.0", *(f"{name}: {text}" for name, text in headers.items())]
    sock.send("\r\n".join([*lines, "", ""]).encode())
    answer = sock.recv(2048).decode().split("\r\n")
    assert f"Call-ID: {call}" in answer, answer
    return next(line.removeprefix("Server: ") for line in answer if line.startswith("Server: "))


def met(address: str, calls: list[str]) -> dict[str, str]:
    """The server of each call, asked from one port as a proxy does."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        # Connected: an answer from another address than the VIP is no answer.
        sock.connect((address, 5060))
        return {call: invite(sock, call) for call in calls}


if __name__ == "__main__":
    vip, ports, *names = sys.argv[1:]
    turns = [met(vip, names) for _port in range(int(ports))]
    print(json.dumps({name: [turn[name] for turn in turns] for name in names}))
