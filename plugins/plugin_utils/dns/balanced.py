# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Balanced names: LUA records that call ``answer.lua`` with what is known of the name."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..blocks import wanted
from .names import label

Options = t.Mapping[str, t.Any]

LIBRARY = "/etc/powerdns/mixed_lb/answer.lua"
ANSWERS = ("all", "weighted", "failover", "geo", "hashed")
ONE_BY_DEFAULT = ("weighted", "hashed")
NOBODY = {"A": "255.255.255.255", "AAAA": "ff02::1"}
"""No TCP connection to these ever comes about: the kernel refuses them at once, nothing leaves the host."""

_PLAIN = re.compile(r"[A-Za-z0-9 ._~:/?&=+,;@!*()\[\]-]*\Z")


class Balanced(t.NamedTuple):
    """One balanced name of one family."""

    name: str
    kind: str
    """``A`` or ``AAAA``."""
    ttl: int
    code: str
    targets: list[str]
    """What is checked, each as a text; two records that check the same have the same texts."""

    @property
    def key(self) -> str:
        return f"{self.name}:{self.kind}"


def balanced(it: Options, zone: str) -> list[Balanced]:
    """The records of an entry, one for each family that it has addresses of."""
    name = label(it.get("name", "@"), zone)
    result = []
    for kind, version in (("A", 4), ("AAAA", 6)):
        entries = [each for each in wanted(it.get("addresses")) if _address(each).version == version]
        if entries:
            result.append(_record(it, name, kind, entries))
    if not result:
        raise ValueError(f"{name}: addresses is empty; give at least one, or remove the name")
    return result


def _record(it: Options, name: str, kind: str, entries: list[Options]) -> Balanced:
    answer, addresses = it.get("answer") or "all", [str(_address(each)) for each in entries]
    if len(set(addresses)) < len(addresses):
        raise ValueError(f"{name}: an address is there twice in addresses: {', '.join(addresses)}")
    fallback = [str(ipaddress.ip_address(each)) for each in it.get("fallback") or ()]
    fallback = [each for each in fallback if (":" in each) == (kind == "AAAA")]
    when_down = it.get("when_down") or "all"
    if when_down == "fallback" and not fallback:
        raise ValueError(f"{name}: when_down is fallback, but fallback has no address for type {kind}")
    check = _check(it.get("check") or {}, name)
    count = it.get("count")
    known = {
        "key": f"{name}:{kind}",
        "answer": answer,
        "count": (1 if answer in ONE_BY_DEFAULT else 0) if count is None else int(count),
        "when_down": when_down,
        "fallback": fallback,
        "check": check,
        "nobody": NOBODY[kind],
        "addresses": [_entry(each, name) for each in entries],
    }
    code = f";return (mixed_lb_answer or dofile('{LIBRARY}')){lua(known)}"
    targets = [f"{address} {lua(check)}" for address in addresses] if check else []
    return Balanced(name, kind, int(it.get("ttl") or 30), code, targets)


def _address(entry: Options) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(entry["address"])


class _Entry(t.NamedTuple):
    """An address and what is known of it; Lua gets the first at index 1."""

    address: str
    rest: dict[str, t.Any]


def _entry(it: Options, name: str) -> _Entry:
    weight = int(it.get("weight", 1))
    if not 0 <= weight <= 65535:
        raise ValueError(f"{name}: weight {weight} of {it['address']} must be from 0 to 65535")
    rest: dict[str, t.Any] = {"weight": weight, "priority": int(it.get("priority", 1))}
    for key, words in (("countries", it.get("countries")), ("continents", it.get("continents"))):
        if words:
            if not all(re.fullmatch("[A-Za-z]{2}", word) for word in words):
                raise ValueError(f"{name}: {key} of {it['address']} must be codes of two letters, as in DE or EU")
            # PowerDNS returns them so.
            rest[key] = [word.lower() for word in words]
    if location := it.get("location"):
        if len(location) != 2 or not (abs(float(location[0])) <= 90 and abs(float(location[1])) <= 180):
            raise ValueError(f"{name}: location of {it['address']} must be latitude and longitude, in degrees")
        rest["location"] = [float(each) for each in location]
    return _Entry(str(_address(it)), rest)


def _check(it: Options, name: str) -> dict[str, t.Any] | None:
    kind = it.get("type") or "none"
    if kind == "none":
        return None
    options = {"selector": "all", "backupSelector": "all", "timeout": str(it.get("timeout") or 2)}
    for option, key in (("source", "source"), ("agent", "useragent"), ("contains", "stringmatch")):
        if it.get(option):
            options[key] = str(it[option])
    options |= {str(key): str(value) for key, value in (it.get("options") or {}).items()}
    port = int(it.get("port") or {"http": 80, "https": 443}.get(kind, 0))
    if not 1 <= port <= 65535:
        raise ValueError(f"{name}: a check of type {kind} needs a port from 1 to 65535")
    if kind == "tcp":
        return {"port": port, "options": options}
    host, path = it.get("host") or name.removeprefix("*."), it.get("path") or "/"
    if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
        raise ValueError(f"{name}: host {host!r} of its check must be a host name; addresses come from the name")
    if not path.startswith("/"):
        raise ValueError(f"{name}: path {path!r} of its check must start with /")
    shown = "" if port == {"http": 80, "https": 443}[kind] else f":{port}"
    return {"url": f"{kind}://{host}{shown}{path}", "options": options}


def lua(value: t.Any) -> str:
    """A value as Lua reads it, in characters that neither PowerDNS nor YAML takes for something else."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Entry):
        return "{" + ",".join([lua(value.address), *(f"{key}={lua(each)}" for key, each in value.rest.items())]) + "}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}={lua(each)}" for key, each in value.items() if each is not None) + "}"
    if isinstance(value, list):
        return "{" + ",".join(lua(each) for each in value) + "}"
    if isinstance(value, str) and not _PLAIN.match(value):
        return f"string.char({','.join(str(byte) for byte in value.encode())})"
    return f"'{value}'" if isinstance(value, str) else str(value)
