# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones: what a zone answers, and the part of the geoip backend's YAML file that says so."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
import re
import typing as t

from ..blocks import wanted
from .balanced import Balanced, balanced
from .names import absolute, label

Options = t.Mapping[str, t.Any]

MARK = "_mixed-lb"
"""The name in each zone whose TXT record is the zone's digest: the same on all servers that serve the same."""
SOA = {"refresh": 7200, "retry": 900, "expire": 1209600, "negative_ttl": 30}
TYPES = (
    "A",
    "AAAA",
    "CAA",
    "CNAME",
    "DS",
    "HTTPS",
    "LUA",
    "MX",
    "NAPTR",
    "NS",
    "PTR",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "TXT",
)
_FAMILY = {"A": 4, "AAAA": 6}
# What the backend puts something else in place of, anywhere in a value.
_PLACEHOLDER = re.compile("%(mp|cn|co|cc|af|as|re|na|ci|loc|lat|lon|hh|yy|dd|wd|mo|ip)")


class Record(t.NamedTuple):
    """A record as the backend reads it; ``kind`` is ``LUA`` for balanced ones."""

    name: str
    kind: str
    ttl: int
    value: str


@dataclasses.dataclass
class Zone:
    """A zone in full."""

    name: str
    ttl: int
    records: list[Record]
    balanced: list[Balanced]
    keys: dict[str, str]
    """Private keys for DNSSEC: text by the name of its file."""
    lines: list[str]

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name all that the zone answers."""
        parts = [self.name, self.ttl, self.records, self.balanced, sorted(self.keys.items()), self.lines]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def zones(options: Options) -> list[Zone]:
    """All zones of a scope."""
    found = [zone(each) for each in wanted(options["zones"])]
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"zones: {name} is there twice; put all its names into one entry")
    return found


def zone(it: Options) -> Zone:
    """One entry of ``zones``."""
    name, ttl = absolute(it["name"]), int(it.get("ttl") or 3600)
    servers = [_server(each, name) for each in it.get("nameservers") or ()]
    if not servers:
        raise ValueError(f"zone {name}: nameservers is empty; name the servers that this role runs on")
    records = [Record(name, "SOA", ttl, _soa(it, name, servers[0]))]
    records += [Record(name, "NS", ttl, server) for server in servers]
    for each in wanted(it.get("records")):
        records += _plain(each, name, ttl)
    lua = [record for each in wanted(it.get("balanced")) for record in balanced(each, name)]
    _check_names(name, records, lua)
    _check_servers(name, servers, records)
    keys: dict[str, str] = {}
    for key in wanted(it.get("dnssec_keys")):
        file = f"{name}.{key.get('flags', 257)}.{key['id']}.{1 if key.get('active', True) else 0}.key"
        if any(other.split(".")[-3] == str(key["id"]) for other in keys):
            raise ValueError(f"zone {name}: dnssec_keys has id {key['id']} twice")
        keys[file] = key["content"].strip() + "\n"
    return Zone(name, ttl, records, lua, keys, list(it.get("lines") or ()))


def _server(server: str, name: str) -> str:
    return absolute(server) if server.endswith(".") else label(server, name)


def _soa(it: Options, name: str, server: str) -> str:
    primary = _server(it["primary"], name) if it.get("primary") else server
    contact = absolute((it.get("contact") or f"hostmaster.{name}").replace("@", "."))
    times = [int(it[key]) if it.get(key) is not None else default for key, default in SOA.items()]
    return " ".join(map(str, [primary, contact, it.get("serial") or 1, *times]))


def _plain(it: Options, zone_name: str, ttl: int) -> list[Record]:
    name, kind = label(it.get("name", "@"), zone_name), it["type"].upper()
    if kind == "SOA":
        raise ValueError(f"{name}: the SOA record is made of primary, contact, serial, refresh, ... of the zone")
    if kind not in TYPES:
        raise ValueError(f"{name}: type {it['type']!r} is none of {', '.join(TYPES)}")
    if not it["values"]:
        raise ValueError(f"{name}: record of type {kind} has no values")
    return [Record(name, kind, int(it.get("ttl") or ttl), _value(name, kind, value)) for value in it["values"]]


def _value(name: str, kind: str, value: str) -> str:
    if kind in _FAMILY:
        address = ipaddress.ip_address(value)
        if address.version != _FAMILY[kind]:
            raise ValueError(f"{name}: {value} is no address for type {kind}")
        return str(address)
    if kind == "LUA" and not re.match(r'[A-Za-z]+ +".*"\Z', value, re.DOTALL):
        raise ValueError(
            f"{name}: a LUA record is a type and code in double quotes, as in A \"pickrandom({{'192.0.2.1'}})\""
        )
    if kind == "TXT" and not value.startswith('"'):
        # One string holds 255 bytes.
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        value = " ".join(f'"{escaped[at : at + 250]}"' for at in range(0, len(escaped) or 1, 250))
    if found := _PLACEHOLDER.search(value):
        raise ValueError(
            f"{name}: PowerDNS would put something else in place of {found[0]!r} in {value!r}; its backend takes it"
            " for a placeholder, and knows no way to escape it"
        )
    return value


def _check_names(name: str, records: list[Record], lua: list[Balanced]) -> None:
    kinds: dict[str, list[str]] = {}
    for owner, kind in {(record.name, record.kind) for record in records}:
        kinds.setdefault(owner, []).append(kind)
    for each in lua:
        if each.kind in kinds.get(each.name, []):
            raise ValueError(
                f"zone {name}: {each.name} has records of type {each.kind} in records and in balanced, or twice"
                " in balanced; keep one"
            )
        kinds.setdefault(each.name, []).append(each.kind)
    for owner, found in sorted(kinds.items()):
        if "CNAME" in found and len(found) > 1:
            raise ValueError(f"zone {name}: {owner} has a CNAME record and others ({', '.join(sorted(found))})")
    if f"{MARK}.{name}" in kinds:
        raise ValueError(f"zone {name}: the name {MARK} is for the zone's digest; take another")


def _check_servers(name: str, servers: list[str], records: list[Record]) -> None:
    """Name servers inside the zone need addresses in it, or nobody finds them."""
    known = {record.name for record in records if record.kind in ("A", "AAAA")}
    for server in servers:
        if server.endswith(f".{name}") and server not in known:
            raise ValueError(f"zone {name}: its name server {server} has no record of type A or AAAA in records")


def zone_text(it: Zone) -> str:
    """The zone as an item of ``domains`` of the backend's file."""
    by_name: dict[str, list[Record]] = {}
    mark = Record(f"{MARK}.{it.name}", "TXT", 0, f'"{it.digest}"')
    lua = [Record(each.name, "LUA", each.ttl, f'{each.kind} "{each.code}"') for each in it.balanced]
    for record in [*it.records, *lua, mark]:
        by_name.setdefault(record.name, []).append(record)
    lines = [f"- domain: {_quoted(it.name)}", f"  ttl: {it.ttl}", "  records:"]
    for name, records in by_name.items():
        lines.append(f"    {_quoted(name)}:")
        for each in records:
            lines.append(f"    - {each.kind.lower()}: {{content: {_quoted(each.value)}, ttl: {each.ttl}}}")
    return "".join(f"{line}\n" for line in [*lines, *(f"  {line}" for line in it.lines)])


def _quoted(text: str) -> str:
    """A string as YAML reads it."""
    return json.dumps(text)
