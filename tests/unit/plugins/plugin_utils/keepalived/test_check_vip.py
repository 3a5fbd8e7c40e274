# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packets of the check of a VIP; the scenario ``lvs_ha`` has real servers answer them, or not."""

from __future__ import annotations

import runpy
import socket
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[5]
CHECKER = runpy.run_path(str(ROOT / "roles" / "keepalived" / "files" / "check_vip.py"))
checksum, segment, wrapped = CHECKER["checksum"], CHECKER["segment"], CHECKER["wrapped"]
PAIRS = {4: ("192.0.2.11", "192.0.2.100"), 6: ("2001:db8::11", "2001:db8::100")}


def packet(version: int) -> bytes:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    source, target = (socket.inet_pton(family, address) for address in PAIRS[version])
    made: bytes = segment(source, target, (40000, 80), 7, CHECKER["SYN"])
    return made


@pytest.mark.parametrize(("data", "wanted"), [(b"", 0xFFFF), (b"\xff\xff\xff\xff", 0), (b"\x01\x02\x03", 0xFBFD)])
def test_the_checksum_is_that_of_the_internet(data: bytes, wanted: int) -> None:
    assert checksum(data) == wanted


@pytest.mark.parametrize("version", [4, 6])
def test_a_segment_sums_up(version: int) -> None:
    """Headers with their checksums in them sum up to nothing."""
    made = packet(version)
    begin, addresses = (20, made[12:20]) if version == 4 else (40, made[8:40])
    tcp = made[begin:]
    assert checksum(addresses + struct.pack("!II", len(tcp), socket.IPPROTO_TCP) + tcp) == 0
    assert version == 6 or checksum(made[:begin]) == 0
    assert struct.unpack("!HHII", tcp[:12]) == (40000, 80, 7, 0) and tcp[13] == CHECKER["SYN"]


def test_tunnels_say_what_is_in_them() -> None:
    four, six = packet(4), packet(6)
    assert wrapped(four, "ipip") == (socket.SOCK_RAW, 4, 0, four)
    assert wrapped(six, "ipip") == (socket.SOCK_RAW, 41, 0, six)
    assert wrapped(six, "gue:6080") == (socket.SOCK_DGRAM, socket.IPPROTO_UDP, 6080, b"\x00\x29\x00\x00" + six)
    assert wrapped(four, "gre") == (socket.SOCK_RAW, socket.IPPROTO_GRE, 0, b"\x00\x00\x08\x00" + four)
    summed = wrapped(six, "gre+csum")[3]
    assert summed[:4] == b"\x80\x00\x86\xdd" and summed[8:] == six and checksum(summed) == 0
