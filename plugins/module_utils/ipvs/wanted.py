# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module options to model. Here is refused what ``ipvsadm`` would change without a word, or could never do.

Options are plain dictionaries in the schema of the modules; a missing key and ``None`` both mean the default.
Everything raises ``ModelError`` naming the place (``services[2].destinations[0]``), the fault and the cure.
"""

from __future__ import annotations

import typing as t

from .model import (
    CHECKSUMS,
    ENGINES,
    FORWARDS,
    IPIP,
    MAX_FWMARK,
    MAX_INT,
    MAX_SECONDS,
    PROTOCOLS,
    SCHEDULERS,
    TUNNEL_TYPES,
    Destination,
    DestinationKey,
    ModelError,
    Service,
    ServiceKey,
    Table,
    Tunnel,
    family_of,
    normal_address,
    normal_flags,
)

Options = t.Mapping[str, t.Any]

DESTINATION_KEYS = frozenset(("address", "port", "forward", "weight", "upper_threshold", "lower_threshold", "tunnel"))
TUNNEL_KEYS = frozenset(("type", "port", "checksum"))
TUNNEL_CHECKSUMS = {"ipip": ("none",), "gre": ("none", "csum"), "gue": CHECKSUMS}


def table(services: t.Iterable[Options], where: str = "services") -> Table:
    """A whole table; a service that stands there twice is refused."""
    result: dict[ServiceKey, Service] = {}
    for place, options in enumerate(services):
        found = service(options, f"{where}[{place}]")
        if found.key in result:
            raise ModelError(f"{where}[{place}]: {found.key} is there twice: join the two entries")
        result[found.key] = found
    return result


def service(options: Options, where: str = "service") -> Service:
    key = service_key(options, where)
    at = f"{where} ({key})"
    scheduler = _choice(options, "scheduler", "wlc", SCHEDULERS, at)
    try:
        flags = normal_flags(scheduler, options.get("scheduler_flags") or ())
    except ModelError as error:
        raise ModelError(f"{at}: {error}") from error
    persistent = _number(options, "persistent", 0, 0, MAX_SECONDS, at)
    engine = _choice(options, "persistence_engine", "", ENGINES, at)
    one_packet = bool(options.get("one_packet"))
    if options.get("persistence_mask") is not None and not persistent:
        raise ModelError(f"{at}: persistence_mask does nothing without persistent: give persistent in seconds")
    if engine and not persistent:
        raise ModelError(f"{at}: persistence_engine does nothing without persistent: give persistent in seconds")
    lowest = 0 if key.family == "ipv4" else 1
    mask = _number(options, "persistence_mask", key.full_mask, lowest, key.full_mask, at)
    if not key.fwmark and key.port == 0 and not persistent:
        raise ModelError(f"{at}: port 0 (all ports) needs persistent, or one client's connections scatter")
    if one_packet and key.protocol not in ("udp", ""):
        raise ModelError(f"{at}: one_packet is for udp and fwmark services, not for {key.protocol}")
    destinations = {}
    for place, entry in enumerate(options.get("destinations") or ()):
        found = destination(entry, key, f"{where}.destinations[{place}]")
        if found.key in destinations:
            raise ModelError(f"{where}.destinations[{place}]: {found} is there twice in {key}: remove one")
        destinations[found.key] = found
    return Service(key, scheduler, flags, persistent, mask, engine, one_packet, tuple(destinations.values()))


def service_key(options: Options, where: str = "service") -> ServiceKey:
    """By ``fwmark`` (and ``family``), or by ``protocol``, ``address`` and ``port``."""
    mark = options.get("fwmark")
    named = [name for name in ("protocol", "address", "port") if options.get(name) is not None]
    if mark is not None:
        if named:
            raise ModelError(f"{where}: fwmark stands for itself: remove {', '.join(named)}")
        family = _choice(options, "family", "ipv4", ("ipv4", "ipv6"), where)
        return ServiceKey(family, _number(options, "fwmark", 0, 1, MAX_FWMARK, where))
    missing = [name for name in ("protocol", "address", "port") if name not in named]
    if missing:
        raise ModelError(f"{where}: {', '.join(missing)} missing: give protocol, address and port, or a fwmark")
    protocol = _choice(options, "protocol", "", PROTOCOLS, where)
    address = _address(options, where)
    family = family_of(address)
    if options.get("family") not in (None, family):
        raise ModelError(f"{where}: {address} is an {family} address: remove family, it is for fwmark services")
    return ServiceKey(family, 0, protocol, address, _number(options, "port", 0, 0, 65535, where))


def destination(options: Options, key: ServiceKey, where: str = "destination") -> Destination:
    """A destination of the service ``key``; its port is the service's unless given."""
    _only(options, DESTINATION_KEYS, where)
    address, port = destination_key(options, key, where)
    forward = _choice(options, "forward", "dr", FORWARDS, where)
    weight = _number(options, "weight", 1, 0, MAX_INT, where)
    upper = _number(options, "upper_threshold", 0, 0, MAX_INT, where)
    lower = _number(options, "lower_threshold", 0, 0, MAX_INT, where)
    at = f"{where} ({address} of {key})"
    if forward != "nat" and not key.fwmark and port != key.port:
        raise ModelError(
            f"{at}: forward {forward} cannot map ports: {port} is not the service's {key.port}; "
            "leave port out, or use forward: nat"
        )
    if forward != "tun" and family_of(address) != key.family:
        raise ModelError(f"{at}: forward {forward} needs an {key.family} address; only tun crosses families")
    if lower > upper:
        raise ModelError(f"{at}: lower_threshold {lower} is above upper_threshold {upper}: swap or raise them")
    return Destination(address, port, forward, weight, upper, lower, _tunnel(options, forward, at))


def destination_key(options: Options, key: ServiceKey, where: str = "destination") -> DestinationKey:
    """What the kernel knows a destination by: its address and its port, the service's unless given."""
    return (_address(options, where), _number(options, "port", key.port, 0, 65535, where))


def scope(entries: t.Iterable[t.Any], where: str = "restrict") -> frozenset[str | int]:
    """What a call may touch: addresses as text, firewall marks (``{fwmark: 7}``) as numbers."""
    result: set[str | int] = set()
    for place, entry in enumerate(entries):
        at = f"{where}[{place}]"
        if isinstance(entry, t.Mapping):
            if set(entry) != {"fwmark"}:
                raise ModelError(f"{at}: {dict(entry)!r} is neither an address nor {{fwmark: NUMBER}}")
            result.add(_number(entry, "fwmark", 0, 1, MAX_FWMARK, at))
        else:
            result.add(_address({"address": entry}, at))
    return frozenset(result)


def _tunnel(options: Options, forward: str, where: str) -> Tunnel:
    given = options.get("tunnel")
    if not given:
        return IPIP
    if not isinstance(given, t.Mapping):
        raise ModelError(f"{where}: tunnel {given!r} is no mapping: give type, port and checksum as it has them")
    _only(given, TUNNEL_KEYS, f"{where}, tunnel")
    if forward != "tun":
        raise ModelError(f"{where}: tunnel is for forward: tun, not for {forward}: remove one of the two")
    kind = _choice(given, "type", "ipip", TUNNEL_TYPES, where)
    checksum = _choice(given, "checksum", "none", CHECKSUMS, where)
    if kind == "gue" and not given.get("port"):
        raise ModelError(f"{where}: tunnel type gue needs a port: the UDP port that the real server decapsulates on")
    if kind != "gue" and given.get("port"):
        raise ModelError(f"{where}: tunnel type {kind} has no port: remove it, or use type gue")
    if checksum not in TUNNEL_CHECKSUMS[kind]:
        raise ModelError(
            f"{where}: tunnel type {kind} has no checksum {checksum}; gre has csum, gue has csum and remcsum"
        )
    return Tunnel(kind, _number(given, "port", 0, 0, 65535, where), checksum)


def _only(options: Options, known: frozenset[str], where: str) -> None:
    unknown = sorted(str(name) for name in options.keys() - known)
    if unknown:
        raise ModelError(f"{where}: unknown option {unknown[0]}; there are {', '.join(sorted(known))}")


def _address(options: Options, where: str) -> str:
    value = options.get("address")
    if value is None:
        raise ModelError(f"{where}: address missing")
    try:
        return normal_address(str(value))
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error


def _choice(options: Options, name: str, default: str, choices: t.Sequence[str], where: str) -> str:
    value = options.get(name)
    if value is None:
        return default
    if value not in choices:
        raise ModelError(f"{where}: {name} {value!r} is unknown; there are {', '.join(choices)}")
    return str(value)


def _number(options: Options, name: str, default: int, low: int, high: int, where: str) -> int:
    value = options.get(name)
    if value is None:
        return default
    try:
        # By its text, or 3.9 would be 3 and true would be 1.
        number = value if isinstance(value, int) and not isinstance(value, bool) else int(str(value))
    except ValueError as error:
        raise ModelError(f"{where}: {name} {value!r} is not a whole number") from error
    if not low <= number <= high:
        raise ModelError(f"{where}: {name} {value} is out of range, {low} to {high}")
    return number
