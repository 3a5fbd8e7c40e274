# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does what it is told, by a line of JSON each, where it runs: in a network namespace. For namespace.py."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import typing as t

SECONDS = 5
listening: dict[tuple[int, str, int], socket.socket] = {}


def _socket(protocol: int, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = {6: socket.SOCK_STREAM, 17: socket.SOCK_DGRAM}.get(protocol, socket.SOCK_RAW)
    made = socket.socket(family, kind, protocol)
    made.settimeout(SECONDS)
    made.bind((address, port))
    return made


def run(argv: list[str], stdin: str = "") -> dict[str, t.Any]:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    return {"rc": done.returncode, "out": done.stdout, "err": done.stderr}


def listen(protocol: int, address: str, port: int) -> None:
    """Ports of raw protocols are 0."""
    made = listening[protocol, address, port] = _socket(protocol, address, port)
    if protocol == 6:
        made.listen()


def send(protocol: int, source: str, destination: str, port: int, text: str) -> None:
    with _socket(protocol, source, 0) as made:
        made.sendto(text.encode(), (destination, port))


def connect(source: str, destination: str, port: int, seconds: float) -> bool:
    with _socket(6, source, 0) as made:
        made.settimeout(seconds)
        try:
            made.connect((destination, port))
        except TimeoutError:
            return False
        return True


def received(protocol: int, address: str, port: int, until: str) -> list[str]:
    """All that came, to the text ``until``: what is sent by one way arrives in its order."""
    texts = [""]
    while texts[-1] != until:
        # a raw socket of IPv4 sees the header, too
        texts.append(listening[protocol, address, port].recv(2048).decode(errors="replace").rpartition("|")[2])
    return texts[1:]


if __name__ == "__main__":
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(globals()[name](*arguments)), flush=True)
