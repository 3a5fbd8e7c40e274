# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a real server answers for a VIP, seen from a director: ``check_vip.py SECONDS VIP PORT SERVER [TUNNEL]``.

Sends the real server the packet that the director would forward to it, a SYN to the VIP, from an own address: by its
hardware address, or with ``TUNNEL`` (``ipip``, ``gre``, ``gre+csum``, ``gue:PORT``) inside a tunnel's packet. Exit code 0
when the SYN has been acknowledged from the VIP. Nothing passes the routing or the IPVS of this host, so it does not matter
whether it holds the VIP. A RST ends the connection before the application hears of it.
"""

from __future__ import annotations

import array
import os
import socket
import struct
import sys
import time

ETHERTYPE = {4: 0x0800, 6: 0x86DD}
RAW_PROTOCOL = {4: 4, 6: 41}
"""What the outer header says of an inner packet."""
SYN, RST, SYN_ACK = 0x02, 0x04, 0x12
SO_ATTACH_FILTER = 26
DISCARD = 9
PAUSE = 0.05

LOAD_BYTE, LOAD_HALF, LOAD_WORD = 0x30, 0x28, 0x20
LOAD_HALF_BEHIND, HEADER_LENGTH = 0x48, 0xB1
JUMP_IF_EQUAL, RETURN = 0x15, 0x06

RTM_NEWNEIGH, RTM_GETNEIGH, NLM_F_REQUEST, NLM_F_DUMP, NLMSG_DONE = 28, 30, 0x1, 0x300, 3
NDA_DST, NDA_LLADDR = 1, 2
USELESS = 0x01 | 0x20 | 0x40
"""States of a neighbour: incomplete, failed, no ARP."""


def checksum(data: bytes) -> int:
    """The Internet's checksum."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(source: bytes, target: bytes, ports: tuple[int, int], sequence: int, flags: int) -> bytes:
    """An IP packet with an empty TCP segment."""
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence, 0, 5 << 4, flags, 64240, 0, 0)
    pseudo = source + target + struct.pack("!II", len(tcp), socket.IPPROTO_TCP)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    if len(source) > 4:
        return struct.pack("!IHBB", 6 << 28, len(tcp), socket.IPPROTO_TCP, 64) + source + target + tcp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, socket.IPPROTO_TCP, 0) + source + target
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp


def wrapped(packet: bytes, tunnel: str) -> tuple[int, int, int, bytes]:
    """Kind of socket, its protocol, the port to send to, and what to send through it."""
    version = packet[0] >> 4
    if tunnel == "ipip":
        return socket.SOCK_RAW, RAW_PROTOCOL[version], 0, packet
    if tunnel.startswith("gue:"):
        inside = struct.pack("!BBH", 0, RAW_PROTOCOL[version], 0) + packet
        return socket.SOCK_DGRAM, socket.IPPROTO_UDP, int(tunnel[4:]), inside
    head = struct.pack("!HH", 0, ETHERTYPE[version])
    if tunnel == "gre+csum":
        head = struct.pack("!HHHH", 0x8000, ETHERTYPE[version], 0, 0)
        head = head[:4] + struct.pack("!HH", checksum(head + packet), 0)
    return socket.SOCK_RAW, socket.IPPROTO_GRE, 0, head + packet


def attach_filter(listener: socket.socket, source: bytes, target: bytes, ports: tuple[int, int]) -> None:
    """Let only TCP packets of this connection through: the director sees many others."""
    long = len(source) > 4
    tests = [(LOAD_BYTE, 6 if long else 9, socket.IPPROTO_TCP)]
    for begin, address in ((8, source), (24, target)) if long else ((12, source), (16, target)):
        words = struct.unpack(f"!{len(address) // 4}I", address)
        tests += [(LOAD_WORD, begin + 4 * number, word) for number, word in enumerate(words)]
    if long:
        tests += [(LOAD_HALF, 40, ports[0]), (LOAD_HALF, 42, ports[1])]
    else:  # behind a header of any length
        tests += [(LOAD_HALF_BEHIND, 0, ports[0]), (LOAD_HALF_BEHIND, 2, ports[1])]
    program = [] if long else [(HEADER_LENGTH, 0, 0, 0)]
    for number, (load, where, value) in enumerate(tests):
        left = len(tests) - number - 1
        program += [(load, 0, 0, where), (JUMP_IF_EQUAL, 0, 2 * left + 1, value)]
    program += [(RETURN, 0, 0, 0xFFFF), (RETURN, 0, 0, 0)]
    code = array.array("B", b"".join(struct.pack("HBBI", *line) for line in program))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), code.buffer_info()[0]))


def forget(listener: socket.socket) -> None:
    """Read what came before the filter was there."""
    listener.setblocking(False)
    try:
        while True:
            listener.recv(1)
    except BlockingIOError:
        return


def neighbour(address: bytes) -> tuple[int, bytes] | None:
    """The interface and hardware address by which the kernel reaches a neighbour."""
    family = socket.AF_INET6 if len(address) > 4 else socket.AF_INET
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        message = struct.pack("=IHHIIB11x", 28, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, 1, 0, family)
        kernel.send(message)
        while True:
            data = kernel.recv(65536)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_DONE:
                    return None
                index, state = struct.unpack_from("=iH", data, 20)
                found = dict(_attributes(data[28:length])) if kind == RTM_NEWNEIGH else {}
                if found.get(NDA_DST) == address and NDA_LLADDR in found and not state & USELESS:
                    return index, found[NDA_LLADDR]
                data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found.append((kind, data[4:length]))
        data = data[(length + 3) & ~3 :]
    return found


def send(packet: bytes, server: str, tunnel: str, deadline: float) -> None:
    """Give the packet to the real server as the director would."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    if tunnel:
        kind, protocol, port, data = wrapped(packet, tunnel)
        with socket.socket(family, kind, protocol) as sock:
            sock.sendto(data, (server, port))
        return
    address = socket.inet_pton(family, server)
    while (found := neighbour(address)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{server} is no neighbour")
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", (server, DISCARD))  # makes the kernel look for it
        time.sleep(PAUSE)
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as sock:
        name = socket.if_indextoname(found[0])
        sock.sendto(packet, (name, ETHERTYPE[packet[0] >> 4], 0, 0, found[1]))


def check(seconds: float, vip: str, port: int, server: str, tunnel: str) -> None:
    """Raises ``OSError`` where the real server does not answer for the VIP."""
    family = socket.AF_INET6 if ":" in vip else socket.AF_INET
    begin = time.monotonic()
    deadline = begin + seconds
    # One packet may be lost on the way.
    asks = [begin + seconds / 2, begin]
    with socket.socket(family, socket.SOCK_DGRAM) as way:
        way.connect((server, DISCARD))
        own = way.getsockname()[0]
    source, target = socket.inet_pton(family, own), socket.inet_pton(family, vip)
    version = ETHERTYPE[6 if ":" in vip else 4]
    with (
        socket.socket(family, socket.SOCK_STREAM) as reserved,
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(version)) as listener,
    ):
        reserved.bind((own, 0))  # so that nobody else here uses the port
        ports = (reserved.getsockname()[1], port)
        attach_filter(listener, target, source, (port, ports[0]))
        forget(listener)
        sequence = int.from_bytes(os.urandom(4), "big")
        while True:
            if asks and time.monotonic() >= asks[-1]:
                asks.pop()
                send(segment(source, target, ports, sequence, SYN), server, tunnel, deadline)
            listener.settimeout(max((asks[-1] if asks else deadline) - time.monotonic(), 0.001))
            try:
                packet = listener.recv(2048)
            except TimeoutError:
                if asks:
                    continue
                raise
            start = 40 if len(source) > 4 else (packet[0] & 15) * 4
            flags, acknowledged = packet[start + 13], struct.unpack_from("!I", packet, start + 8)[0]
            if acknowledged == (sequence + 1) & 0xFFFFFFFF:
                break
        if flags & SYN_ACK != SYN_ACK:
            raise ConnectionRefusedError(f"{server} refuses connections to {vip} {port}")
        send(segment(source, target, ports, acknowledged, RST), server, tunnel, deadline)


if __name__ == "__main__":
    limit, asked, number, asker, *words = sys.argv[1:]
    try:
        check(float(limit), asked, int(number), asker, *(words or [""]))
    except OSError as error:
        sys.exit(f"{asker} does not answer for {asked} {number}: {error}")
