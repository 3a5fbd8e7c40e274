# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what ``ip -N -d -json`` prints, of Debian 12 and 13. Pure.

Fields that are not known make an item of its own (``extra``) that never equals one of ours, rather than being ignored.
"""

from __future__ import annotations

import ipaddress
import json
import typing as t

from .model import ANYBODY, Address, Item, Key, Link, NetworkProblem, Port, Route, Rule, Tunnel
from .wanted import destination

_ROUTE_TYPES = {"1": "unicast", "2": "local"}
_PROTOCOLS = {"6": "tcp", "17": "udp", "132": "sctp"}
_TUNNELS = ("ipip", "sit", "gre", "ip6gre", "ip6tnl")
_RULE_FIELDS = {"priority", "src", "srclen", "dst", "dstlen", "fwmark", "ipproto", "sport", "table", "not", "protocol"}
_RULE_FIELDS |= {"suppress_prefixlen"}
_WHOLE = {("sport_mask", "0xffff"), ("fwmask", "0xffffffff")}  # Debian 13 says so where nothing is masked
Row = t.Mapping[str, t.Any]


def documents(text: str) -> list[list[Row]]:
    """The lists of a batch, one a command; raises ``NetworkProblem`` where ip printed something else."""
    decoder, found, at = json.JSONDecoder(), [], 0
    text = text.strip()
    try:
        while at < len(text):
            rows, end = decoder.raw_decode(text, at)
            found.append([row for row in rows if row])  # ip prints empty objects for what a filter left out
            at = end + len(text[end:]) - len(text[end:].lstrip())
    except ValueError as error:
        raise NetworkProblem(f"cannot read what ip printed ({error}): {text[at : at + 60]!r}") from error
    return found


def links(rows: t.Iterable[Row]) -> dict[str, Link]:
    """Interfaces by name, from ``ip -d address show``."""
    found = {}
    for row in rows:
        flags = row.get("flags", [])
        found[row["ifname"]] = Link(
            row["ifname"],
            row["ifindex"],
            _kind(row),
            row.get("address"),
            row.get("mtu", 0),
            "UP" in flags,
            "BROADCAST" in flags and "NOARP" not in flags,
        )
    return found


def addresses(rows: t.Iterable[Row]) -> tuple[list[Address], list[Address]]:
    """All addresses, and those of them that are IPv4 secondaries, from ``ip address show``."""
    found, secondaries = [], []
    for row in rows:
        for entry in row.get("addr_info", []):
            if "local" not in entry:
                continue
            six = entry.get("family") == "inet6"
            text = f"{ipaddress.ip_address(entry['local'])}/{entry['prefixlen']}"
            address = Address(row["ifname"], text, six and entry.get("preferred_life_time") == 0)
            found.append(address)
            if entry.get("secondary") and not six:
                secondaries.append(address)
    return found, secondaries


def tunnels(rows: t.Iterable[Row]) -> list[Tunnel]:
    """Tunnel devices, from ``ip -d address show``."""
    found = []
    for row in rows:
        kind = _kind(row)
        if kind in _TUNNELS:
            data = row["linkinfo"].get("info_data") or {}
            local, remote = (str(data.get(side) or ANYBODY) for side in ("local", "remote"))
            up = "UP" in row.get("flags", [])
            found.append(Tunnel(row["ifname"], kind, local, remote, bool(data.get("icsum")), row.get("mtu"), up))
    return found


def routes(rows: t.Iterable[Row]) -> tuple[list[Route], frozenset[Key]]:
    """Unicast and local routes, and keys of the routes that ``Route`` cannot express, from ``ip route show``."""
    found, opaque = [], set()
    for row in rows:
        kind = _ROUTE_TYPES.get(str(row.get("type", "1")), "other")
        route = _route(row, kind)
        if kind == "other" or "nexthops" in row or "via" in row or "encap" in row:
            opaque.add(route.key)
        else:
            found.append(route)
    return found, frozenset(opaque)


def _route(row: Row, kind: str) -> Route:
    family = _family(row)
    to = row["dst"] if row["dst"] == "default" else destination(row["dst"])
    metrics = {name: value for metric in row.get("metrics", []) for name, value in metric.items()}
    advmss = metrics.pop("advmss", None)
    extra = [word for name, value in sorted(metrics.items()) for word in (name, str(value))]
    for field, word in (("prefsrc", "src"), ("protocol", "proto"), ("scope", "scope")):
        if field in row and not (field == "scope" and family == 6):
            extra += [word, str(row[field])]
    return Route(
        family,
        to,
        int(row.get("table", 254)),
        int(row.get("metric", 0)),
        kind,
        row.get("gateway"),
        row.get("dev"),
        "onlink" in row.get("flags", []),
        None if advmss is None else int(advmss),
        tuple(extra),
    )


def _family(row: Row) -> int:
    # A default route without a next hop says its family nowhere but in what only IPv6 routes have.
    for field in ("gateway", "prefsrc", "dst"):
        text = str(row.get(field, "default")).partition("/")[0]
        if text != "default":
            return ipaddress.ip_address(text).version
    hops = row.get("nexthops") or [{}]
    return 6 if "pref" in row or ":" in str(hops[0].get("gateway", "")) else 4


def rules(rows: t.Iterable[Row], family: int) -> list[Rule]:
    """Rules of one family, from ``ip rule show``."""
    found = []
    for row in rows:
        protocol = row.get("ipproto")
        if protocol is not None:  # "tcp", "6" or "ipproto-6"
            number = str(protocol).rsplit("-", 1)[-1]
            protocol = _PROTOCOLS.get(number, number)
        unknown = [f"{n}={row[n]}" for n in sorted(set(row) - _RULE_FIELDS) if (n, str(row[n])) not in _WHOLE]
        fwmark, suppress = row.get("fwmark"), row.get("suppress_prefixlen")
        found.append(
            Rule(
                family,
                int(row.get("priority", 0)),
                int(row.get("table", 0)),
                _end(row, "src"),
                _end(row, "dst"),
                None if fwmark is None else int(str(fwmark), 0),
                protocol,
                row.get("sport"),
                None if suppress is None else int(suppress),
                "not" in row,
                tuple(unknown),
            )
        )
    return found


def _end(row: Row, side: str) -> str | None:
    text = row.get(side, "all")
    if text == "all":
        return None
    return destination(f"{text}/{row[side + 'len']}" if side + "len" in row else text)


def ports(rows: t.Iterable[Row]) -> list[Port]:
    """Ports for GUE, from ``ip fou show``."""
    return [Port(6 if row.get("family") == "inet6" else 4, int(row["port"])) for row in rows if "gue" in row]


def by_key(items: t.Iterable[Item]) -> dict[Key, Item]:
    """Items by key; of two with one key the first counts, as it does for the kernel."""
    found: dict[Key, Item] = {}
    for item in items:
        found.setdefault(item.key, item)
    return found


def _kind(row: Row) -> str:
    return str((row.get("linkinfo") or {}).get("info_kind", ""))
