# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks for the versions of QUIC that a server speaks, by a version that none does: ``python3 quic.py ADDRESS PORT``.

Prints one a line, as in RFC 9000, section 17.2.1; nothing where nobody answers.
"""

from __future__ import annotations

import contextlib
import socket
import sys

LONG, UNKNOWN = 0xC0, 0x1A2A3A4A
SOURCE, DESTINATION = b"client-1", b"server-1"
LEAST = 1200
TIMEOUT = 2


def versions(address: str, port: int) -> list[int]:
    """Those of the answer."""
    ids = b"".join(bytes([len(each)]) + each for each in (DESTINATION, SOURCE))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
        sock.settimeout(TIMEOUT)
        sock.connect((address, port))
        sock.send((bytes([LONG]) + UNKNOWN.to_bytes(4) + ids).ljust(LEAST, b"\0"))
        answer = sock.recv(LEAST)
        swapped = b"".join(bytes([len(each)]) + each for each in (SOURCE, DESTINATION))
        head, told = answer[1 : 5 + len(swapped)], answer[5 + len(swapped) :]
        if head == bytes(4) + swapped:
            return [int.from_bytes(told[at : at + 4]) for at in range(0, len(told), 4)]
    return []


if __name__ == "__main__":
    for version in versions(sys.argv[1], int(sys.argv[2])):
        print(version)
