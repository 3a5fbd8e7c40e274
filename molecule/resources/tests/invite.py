# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SIP client: sends datagrams of some calls, each from a port of its own, and prints who answered as JSON.

``python3 invite.py ADDRESS DATAGRAMS CALL_ID...`` prints a list of servers by Call-ID. A datagram without an answer
within five seconds is an error.
"""

from __future__ import annotations

import json
import socket
import sys


def invite(address: str, call: str) -> str:
    """The server that answers."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        # Connected: an answer from another address than the VIP is no answer.
        sock.connect((address, 5060))
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


if __name__ == "__main__":
    vip, datagrams, *calls = sys.argv[1:]
    # Call after call, and again from the start: nobody is met again for being asked twice in a row.
    turns = [{call: invite(vip, call) for call in calls} for _turn in range(int(datagrams))]
    print(json.dumps({call: [turn[call] for turn in turns] for call in calls}))
