# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packets of the check of a VIP, and those that are lost. The scenario ``lvs_ha`` has real servers answer in every mode."""

from __future__ import annotations

import runpy
import socket
import struct
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.network.namespace import Namespace, connected

ROOT = Path(__file__).resolve().parents[5]
FILE = ROOT / "roles" / "keepalived" / "files" / "check_vip.py"
CHECKER = runpy.run_path(str(FILE))
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


SERVER = {4: "192.0.2.21", 6: "2001:db8::21"}
PORT, NOBODYS = 80, 81
# Long enough for a neighbour to be found on a machine that is busy with other tests.
SECONDS = "3"
LOSSY = """
table inet lossy {{ chain {hook} {{
    type filter hook {hook} priority 0; tcp flags & (syn | ack) == {flags} {which} counter drop;
}}; }}
"""
SYN, SYN_ACK = ("input", "syn"), ("output", "(syn | ack)")
FIRST, EVERY = "numgen inc mod 2 0", ""


class Way(t.NamedTuple):
    """A director, and a real server with the VIP."""

    director: Namespace
    server: Namespace

    def loses(self, packet: tuple[str, str], which: str) -> None:
        self.server.do("nft", "--file", "-", stdin=LOSSY.format(hook=packet[0], flags=packet[1], which=which))

    def lost(self) -> int:
        return int(self.server.do("nft", "list", "table", "inet", "lossy").partition("counter packets ")[2].split()[0])

    def check(self, family: int, port: int = PORT) -> str:
        """What the check complains of."""
        argv = [sys.executable, str(FILE), SECONDS, PAIRS[family][1], str(port), SERVER[family]]
        done = self.director.ask("run", argv)
        assert bool(done["rc"]) == bool(done["err"]), done
        return str(done["err"])


@pytest.fixture
def way() -> t.Iterator[Way]:
    with connected([{family: own for family, (own, _vip) in PAIRS.items()}], [SERVER]) as (director, server):
        for family, (_own, vip) in PAIRS.items():
            server.do("ip", "address", "add", vip, "dev", "lo", *(["nodad"] if family == 6 else []))
            server.ask("listen", socket.IPPROTO_TCP, vip, PORT)
        yield Way(director, server)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("packet", [SYN, SYN_ACK], ids=["SYN", "SYN-ACK"])
def test_one_lost_packet_is_no_dead_server(way: Way, family: int, packet: tuple[str, str]) -> None:
    way.loses(packet, FIRST)
    assert way.check(family) == ""
    assert way.lost() == 1


@pytest.mark.parametrize("family", [4, 6])
def test_a_server_that_stays_silent_is_dead(way: Way, family: int) -> None:
    way.loses(SYN, EVERY)
    assert f"{SERVER[family]} does not answer for {PAIRS[family][1]} {PORT}: timed out" in way.check(family)
    assert way.lost() == 2


@pytest.mark.parametrize("family", [4, 6])
def test_a_server_that_refuses_is_told_at_once(way: Way, family: int) -> None:
    assert "refuses connections" in way.check(family, NOBODYS)
