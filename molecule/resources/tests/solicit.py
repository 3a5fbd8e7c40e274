# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``arping`` is for IPv4: asks a network who has an address, and prints the hardware addresses that answer as JSON.

``python3 solicit.py INTERFACE ADDRESS`` asks as neighbours do, by multicast, whatever the routing table says.
"""

from __future__ import annotations

import json
import pathlib
import socket
import struct
import sys
import time

SOLICITATION, ADVERTISEMENT = 135, 136
SOURCE, TARGET = 1, 2
TURNS, SECONDS = 2, 1.0


def hardware_address(message: bytes) -> str:
    """That of an advertisement's option, which the answer to a multicast question has to carry."""
    at = 24
    while at + 8 <= len(message):
        kind, eights = message[at : at + 2]
        if kind == TARGET:
            return message[at + 2 : at + 8].hex(":")
        at += 8 * max(eights, 1)
    return ""


def answers(sock: socket.socket, address: bytes) -> set[str]:
    """Who answers for the address until the time is up."""
    found, deadline = set(), time.monotonic() + SECONDS
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            message = sock.recv(1500)
        except TimeoutError:
            break
        if message[0] == ADVERTISEMENT and message[8:24] == address:
            found.add(hardware_address(message))
    return found


def main() -> None:
    interface, address = sys.argv[1], socket.inet_pton(socket.AF_INET6, sys.argv[2])
    own = bytes.fromhex(pathlib.Path(f"/sys/class/net/{interface}/address").read_text().strip().replace(":", ""))
    group = socket.inet_ntop(socket.AF_INET6, bytes.fromhex("ff0200000000000000000001ff") + address[13:])
    question = struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + address + bytes([SOURCE, 1]) + own
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.getprotobyname("ipv6-icmp")) as sock:
        # Else it hears what answers on other networks, too.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        # Neighbours drop whatever may have come by a router.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        found: set[str] = set()
        for _turn in range(TURNS):
            sock.sendto(question, (group, 0, 0, socket.if_nametoindex(interface)))
            found |= answers(sock, address)
    print(json.dumps(sorted(found)))


if __name__ == "__main__":
    main()
