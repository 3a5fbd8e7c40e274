# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ipvsadm`` prints, as the model. Everything is cut at blanks, as wide values push the columns about.

Whatever is not understood raises ``ParseError`` with the line: a table that was half understood must not be changed.
"""

from __future__ import annotations

import functools
import ipaddress
import typing as t

from .model import (
    MAX_FWMARK,
    Destination,
    DestinationKey,
    Service,
    ServiceKey,
    Table,
    Tunnel,
    family_of,
    normal_address,
    normal_flags,
)

PROTOCOL = {"-t": "tcp", "-u": "udp", "--sctp-service": "sctp"}
FORWARD = {"-g": "dr", "-m": "nat", "-i": "tun"}
CHECKSUM = {"--tun-nocsum": "none", "--tun-csum": "csum", "--tun-remcsum": "remcsum"}
TITLES = ("IP Virtual Server version", "Prot LocalAddress:Port", "-> RemoteAddress:Port")

Place: t.TypeAlias = "tuple[ServiceKey, DestinationKey | None]"
"""Whose numbers they are: a destination's, or under ``None`` the service's own, where it has some."""


class ParseError(Exception):
    """Output that this version does not know."""

    def __init__(self, line: str, reason: str = "") -> None:
        super().__init__(f"cannot read this line of ipvsadm's output: {line!r}" + (f" ({reason})" if reason else ""))
        self.line = line


class Header(t.NamedTuple):
    """First line of a listing: version of IPVS, and how many buckets the connection table has."""

    version: str
    size: int


class Activity(t.NamedTuple):
    """Columns of ``--thresholds``: both thresholds, and connections."""

    upper: int = 0
    lower: int = 0
    active: int = 0
    inactive: int = 0


class Persistence(t.NamedTuple):
    """Columns of ``--persistent-conn``."""

    weight: int = 0
    persistent: int = 0
    active: int = 0
    inactive: int = 0


class Counters(t.NamedTuple):
    """Columns of ``--stats`` and ``--rate``, which services have as well."""

    connections: int = 0
    in_packets: int = 0
    out_packets: int = 0
    in_bytes: int = 0
    out_bytes: int = 0


Row = t.TypeVar("Row", Activity, Persistence, Counters)


class Timeouts(t.NamedTuple):
    """Seconds until an idle connection is forgotten."""

    tcp: int
    tcpfin: int
    udp: int


class Daemon(t.NamedTuple):
    """A running sync daemon. ``max_length`` is in bytes."""

    role: str
    interface: str
    sync_id: int
    max_length: int
    group: str
    port: int
    ttl: int


def table(saved: str, limits: t.Mapping[Place, Activity]) -> Table:
    """``ipvsadm -Sn`` and, since that leaves them out, the thresholds that ``numbers`` found."""
    services: dict[ServiceKey, Service] = {}
    found: dict[ServiceKey, list[Destination]] = {}
    for line in saved.splitlines():
        words = line.split()
        try:
            if not words:
                continue
            if words[0] == "-A":
                service = _service(words)
                services[service.key] = service
                found[service.key] = []
            elif words[0] == "-a":
                key, rest = _key(words)
                found[key].append(_destination(rest, key, limits))
            else:
                raise ParseError(line, f"unknown command {words[0]}")
        except (ValueError, KeyError, IndexError, StopIteration) as error:
            raise ParseError(line, _reason(error)) from error
    return {key: service.with_destinations(found[key]) for key, service in services.items()}


def service_keys(rules: str) -> frozenset[ServiceKey]:
    """The services of rules for ``ipvsadm -R``."""
    found = set()
    for line in rules.splitlines():
        words = line.split()
        try:
            if words and words[0] not in ("-A", "-a"):
                raise ParseError(line, f"unknown command {words[0]}")
            found |= {_key(words)[0]} if words else set()
        except (ValueError, KeyError, IndexError) as error:
            raise ParseError(line, _reason(error)) from error
    return frozenset(found)


def numbers(listing: str, row: type[Row]) -> dict[Place, Row]:
    """The number columns of ``ipvsadm -Ln`` with the option that prints such rows."""
    result: dict[Place, Row] = {}
    key: ServiceKey | None = None
    for line in listing.splitlines():
        words = line.split()
        if not words or line.lstrip().startswith(TITLES):
            continue
        try:
            if words[0] == "->" and key is not None:
                result[key, _endpoint(words[1])] = row._make(map(int, words[2:]))
            else:
                key, rest = _listed_key(words)
                if row is Counters:
                    result[key, None] = row._make(map(int, rest))
        except TypeError as error:
            raise ParseError(line, f"it has not {len(row._fields)} numbers") from error
        except (ValueError, IndexError) as error:
            raise ParseError(line, _reason(error)) from error
    return result


def header(listing: str) -> Header:
    """The first line of ``ipvsadm -Ln``: ``IP Virtual Server version 1.2.1 (size=4096)``."""
    line = listing.partition("\n")[0]
    words = line.split()
    try:
        return Header(words[4], int(words[5].removeprefix("(size=").removesuffix(")")))
    except (IndexError, ValueError) as error:
        raise ParseError(line) from error


def timeouts(listing: str) -> Timeouts:
    """``ipvsadm -Ln --timeout``: ``Timeout (tcp tcpfin udp): 900 120 300``."""
    try:
        tcp, tcpfin, udp = map(int, listing.rpartition(":")[2].split())
    except ValueError as error:
        raise ParseError(listing.strip()) from error
    return Timeouts(tcp, tcpfin, udp)


def daemons(listing: str) -> tuple[Daemon, ...]:
    """``ipvsadm -Ln --daemon``: a line for each sync daemon that runs, none for none."""
    return tuple(_daemon(line) for line in listing.splitlines() if line.strip())


def connections(proc: str) -> list[dict[str, t.Any]]:
    """``/proc/net/ip_vs_conn_sync``: addresses and ports are hexadecimal there, ``Origin`` is LOCAL or SYNC."""
    result = []
    for line in proc.splitlines()[1:]:
        words = line.split()
        try:
            protocol, client, client_port, virtual, virtual_port, real, real_port, state, origin, expires = words[:10]
            result.append(
                {
                    "protocol": protocol.lower(),
                    "client": _hex_address(client),
                    "client_port": int(client_port, 16),
                    "virtual": _hex_address(virtual),
                    "virtual_port": int(virtual_port, 16),
                    "destination": _hex_address(real),
                    "destination_port": int(real_port, 16),
                    "state": state,
                    "origin": origin,
                    "expires": int(expires),
                }
            )
        except ValueError as error:
            raise ParseError(line, _reason(error)) from error
    return result


def _service(words: list[str]) -> Service:
    key, rest = _key(words)
    scheduler, engine, one_packet = "wlc", "", False
    persistent, mask = 0, key.full_mask
    flags: list[str] = []
    options = iter(rest)
    for option in options:
        if option == "-s":
            scheduler = next(options)
        elif option == "-p":
            persistent = int(next(options))
        elif option == "-M":
            mask = _prefix(key, next(options))
        elif option == "--pe":
            engine = next(options)
        elif option == "-o":
            one_packet = True
        elif option == "-b":
            # Empty where another program set a bit that the scheduler has no name for.
            flags = next(options, "").split(",")
        else:
            raise ValueError(f"unknown option {option}")
    named = normal_flags(scheduler, filter(None, flags))
    return Service(key, scheduler, named, persistent, mask, engine, one_packet)


def _destination(rest: list[str], key: ServiceKey, limits: t.Mapping[Place, Activity]) -> Destination:
    address, port = _endpoint(rest[rest.index("-r") + 1])
    forward, weight, tunnel_type, tunnel_port, checksum = "dr", 1, "ipip", 0, "none"
    options = iter(rest)
    for option in options:
        if option == "-r":
            next(options)
        elif option in FORWARD:
            forward = FORWARD[option]
        elif option == "-w":
            weight = int(next(options))
        elif option == "--tun-type":
            tunnel_type = next(options)
        elif option == "--tun-port":
            tunnel_port = int(next(options))
        elif option in CHECKSUM:
            checksum = CHECKSUM[option]
        else:
            raise ValueError(f"unknown option {option}")
    # Gone between the two listings, or new: the comparison after the change tells.
    limit = limits.get((key, (address, port)), Activity())
    tunnel = Tunnel(tunnel_type, tunnel_port, checksum)
    return Destination(address, port, forward, weight, limit.upper, limit.lower, tunnel)


def _key(words: list[str]) -> tuple[ServiceKey, list[str]]:
    """The service after ``-A`` or ``-a``, and the words after it."""
    if words[1] == "-f":
        # Printed as a signed number, though it is none.
        mark = int(words[2]) & MAX_FWMARK
        ipv6 = words[3:4] == ["-6"]
        return ServiceKey("ipv6" if ipv6 else "ipv4", mark), words[4 if ipv6 else 3 :]
    address, port = _endpoint(words[2])
    return ServiceKey(family_of(address), 0, PROTOCOL[words[1]], address, port), words[3:]


def _listed_key(words: list[str]) -> tuple[ServiceKey, list[str]]:
    """The service of a line of ``-Ln``, and the words after it."""
    if words[0] == "FWM":
        ipv6 = words[2:3] == ["IPv6"]
        mark = int(words[1]) & MAX_FWMARK
        return ServiceKey("ipv6" if ipv6 else "ipv4", mark), words[3 if ipv6 else 2 :]
    protocol = words[0].lower()
    if protocol not in PROTOCOL.values():
        raise ValueError(f"unknown protocol {words[0]}")
    address, port = _endpoint(words[1])
    return ServiceKey(family_of(address), 0, protocol, address, port), words[2:]


# Both listings name every destination, and each of a service's lines names the service.
@functools.lru_cache(maxsize=65536)
def _endpoint(text: str) -> DestinationKey:
    address, _colon, port = text.rpartition(":")
    return normal_address(address.strip("[]")), int(port)


def _prefix(key: ServiceKey, text: str) -> int:
    if key.family == "ipv6":
        return int(text)
    network = ipaddress.IPv4Network(f"0.0.0.0/{text}")
    if str(network.netmask) != text:  # ipaddress takes 0.0.0.255 for a host mask
        raise ValueError(f"mask {text} has holes")
    return network.prefixlen


def _daemon(line: str) -> Daemon:
    try:
        role, rest = line.strip().split(" sync daemon (", 1)
        values = dict(item.split("=", 1) for item in rest.rstrip(")").split(", "))
        # Kernels before 4.3 print neither of the last four.
        return Daemon(
            role=role,
            interface=values["mcast"],
            sync_id=int(values["syncid"]),
            max_length=int(values.get("maxlen", 0)),
            group=normal_address(values.get("group", "224.0.0.81")),
            port=int(values.get("port", 8848)),
            ttl=int(values.get("ttl", 1)),
        )
    except (ValueError, KeyError) as error:
        raise ParseError(line, _reason(error)) from error


def _hex_address(text: str) -> str:
    """``C0A83264`` for IPv4, else an IPv6 address in brackets or not."""
    if len(text) == 8 and ":" not in text:
        return str(ipaddress.IPv4Address(int(text, 16)))
    return normal_address(text.strip("[]"))


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"unknown {error.args[0]}"
    return str(error) if isinstance(error, ValueError) else "it is cut short"
