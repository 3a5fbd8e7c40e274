# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the neighbours that an address lives here now, so that they do not wait for their caches to expire."""

from __future__ import annotations

import contextlib
import socket
import struct

from .model import Address, Link

_ARP, _BROADCAST = 0x0806, b"\xff" * 6
_NEIGHBOUR_ADVERTISEMENT, _OVERRIDE, _TARGET_LINK_ADDRESS = 136, 0x20000000, 2


def announce(address: Address, link: Link) -> None:
    """Sends gratuitous ARP or an unsolicited neighbour advertisement; a courtesy, so a failure is no error."""
    if not (link.announces and link.up and link.mac):
        return
    with contextlib.suppress(OSError, ValueError):
        mac = bytes.fromhex(link.mac.replace(":", ""))
        if address.ip.version == 4:
            _arp(link.name, mac, address.ip.packed)
        else:
            _neighbour(link, mac, address.ip.packed)


def _arp(interface: str, mac: bytes, ip: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, _ARP))
        for operation in (1, 2):  # request and reply: some neighbours learn from the one only, some from the other
            head = _BROADCAST + mac + struct.pack("!H", _ARP)
            raw.send(head + struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac + ip + _BROADCAST + ip)


def _neighbour(link: Link, mac: bytes, ip: bytes) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        message = struct.pack("!BBHI", _NEIGHBOUR_ADVERTISEMENT, 0, 0, _OVERRIDE) + ip
        raw.sendto(message + struct.pack("!BB", _TARGET_LINK_ADDRESS, 1) + mac, ("ff02::1", 0, 0, link.index))
