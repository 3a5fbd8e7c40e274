# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of ``host_network`` to what is wanted; every finding is reported at once. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .filters import mark_rule, source_nat_rule
from .model import ANYBODY, METRIC, TABLES, Address, Item, NetworkProblem, Port, Route, Rule, Tunnel, Wanted

Options = t.Mapping[str, t.Any]
_DEVICE = re.compile(r"[^\s/:]{1,15}\Z")
# Devices that the kernel makes itself when the module of their type is loaded; they take packets from anybody.
_FALLBACKS = ("tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip6tnl0", "ip6gre0")
# type and family of the outer header to the kernel's device
_KINDS = {
    ("ipip", 4): "ipip",
    ("gue", 4): "ipip",
    ("sit", 4): "sit",
    ("gre", 4): "gre",
    ("gre", 6): "ip6gre",
    ("gue", 6): "ip6tnl",
    ("ip6tnl", 6): "ip6tnl",
}


def wanted_of(options: Options) -> Wanted:
    """Check and normalise; raises ``NetworkProblem`` with one finding a line."""
    problems: list[str] = []
    items: dict[t.Hashable, Item] = {}
    filters: dict[tuple[int, str], tuple[str, ...]] = {}

    def each(name: str, build: t.Callable[[Options], t.Any]) -> t.Iterator[t.Any]:
        for number, entry in enumerate(options.get(name) or []):
            try:
                yield build(entry)
            except ValueError as error:
                problems.append(f"{name}[{number}]: {error}")

    for name, build in (("tunnels", _tunnel), ("addresses", _address), ("routes", _route), ("rules", _rule)):
        for built in each(name, build):
            for item in built:
                if items.setdefault(item.key, item) != item:
                    problems.append(f"{name}: {' '.join(map(str, item.key[1:]))} is given twice, in different ways")
    for name, table, rules in (("marks", "mangle", _marks), ("source_nat", "nat", _source_nat)):
        for family, lines in each(name, rules):
            filters[family, table] = (*filters.get((family, table), ()), *lines)
    if problems:
        raise NetworkProblem("\n".join(problems))
    return Wanted(tuple(items.values()), filters)


def _tunnel(entry: Options) -> list[Item]:
    local = _ip("local", entry["local"])
    remote = ANYBODY if entry["remote"] == ANYBODY else _ip("remote", entry["remote"])
    kind = _KINDS.get((entry["type"], local.version))
    if kind is None or (not isinstance(remote, str) and local.version != remote.version):
        raise ValueError(f"type {entry['type']} does not fit local {local} and remote {remote}")
    port = entry.get("port")
    if entry["type"] == "gue" and port is None:
        raise ValueError("type gue needs a port")
    if port is not None and kind not in ("ipip", "sit", "ip6tnl"):
        raise ValueError(f"type {entry['type']} takes no port")
    if entry["name"] in _FALLBACKS:
        raise ValueError(
            f"{entry['name']} is the kernel's own device: choose another name, with remote: any to unwrap for anybody"
        )
    if entry.get("checksum") and entry["type"] != "gre":
        raise ValueError("checksum is for type gre; the others check by themselves")
    mtu = _number("mtu", entry.get("mtu"), 576, 65535)
    up = True if entry.get("up") is None else entry["up"]
    tunnel = Tunnel(_device(entry["name"]), kind, str(local), str(remote), bool(entry.get("checksum")), mtu, up)
    number = _number("port", port, 1, 65535)
    return [tunnel] if number is None else [Port(local.version, number), tunnel]


def _address(entry: Options) -> list[Item]:
    interface = ipaddress.ip_interface(entry["address"])  # without a length: a host's, /32 or /128
    deprecated = True if entry.get("deprecated") is None else entry["deprecated"]
    address = f"{interface.ip}/{interface.network.prefixlen}"
    return [Address(_device(entry.get("interface") or "lo"), address, interface.version == 6 and deprecated)]


def _route(entry: Options) -> list[Item]:
    via = None if entry.get("via") is None else _ip("via", entry["via"])
    device = None if entry.get("interface") is None else _device(entry["interface"])
    kind = entry.get("type") or "unicast"
    if entry["to"] == "default":
        if via is None:
            raise ValueError("to: default of which family? Say 0.0.0.0/0 or ::/0")
        family, to = via.version, "default"
    else:
        network = ipaddress.ip_network(entry["to"])
        family, to = network.version, destination(str(network))
    if via is not None and via.version != family:
        raise ValueError(f"via {via} and to {entry['to']} are of different families")
    if kind == "local":
        if via is not None or entry.get("onlink"):
            raise ValueError("a local route takes neither via nor onlink")
        device = device or "lo"
    elif via is None and device is None:
        raise ValueError("give via, interface, or both")
    if entry.get("onlink") and (via is None or device is None):
        raise ValueError("onlink needs via and interface")
    metric = entry.get("metric")
    if family == 6 and metric == 0:
        raise ValueError("metric: 0 is out of range; for IPv6 the kernel takes it for 1024")
    return [
        Route(
            family,
            to,
            _table(entry.get("table") or ("local" if kind == "local" else "main")),
            METRIC[family] if metric is None else metric,
            kind,
            None if via is None else str(via),
            device,
            bool(entry.get("onlink")),
            _number("advmss", entry.get("advmss"), 1, 65535),
        )
    ]


def _rule(entry: Options) -> list[Item]:
    source, to = (None if entry.get(side) is None else ipaddress.ip_network(entry[side]) for side in ("from", "to"))
    families: set[int] = {network.version for network in (source, to) if network is not None}
    if entry.get("family"):
        families.add({"ipv4": 4, "ipv6": 6}[entry["family"]])
    if len(families) > 1:
        raise ValueError("from, to and family are of different families")
    if entry.get("source_port") is not None and not entry.get("protocol"):
        raise ValueError("source_port needs a protocol")
    return [
        Rule(
            families.pop() if families else 4,
            _between("priority", entry["priority"], 1, 32765),
            _table(entry["table"]),
            None if source is None else destination(str(source)),
            None if to is None else destination(str(to)),
            _mark(entry.get("fwmark")),
            entry.get("protocol"),
            _number("source_port", entry.get("source_port"), 1, 65535),
            _number("suppress_prefixlength", entry.get("suppress_prefixlength"), 0, 128),
            bool(entry.get("invert")),
        )
    ]


def _marks(entry: Options) -> tuple[int, list[str]]:
    vip = _ip("destination", entry["destination"])
    mark = _mark(entry["mark"])
    if not mark:
        raise ValueError("mark: 0 is no mark")
    ports = [_number("ports", port, 1, 65535) for port in entry.get("ports") or []]
    if ports and not entry.get("protocol"):
        raise ValueError("ports need a protocol")
    return vip.version, [mark_rule(vip, entry.get("protocol"), port, mark) for port in ports or [None]]


def _source_nat(entry: Options) -> tuple[int, list[str]]:
    vip, source = _ip("destination", entry["destination"]), ipaddress.ip_network(entry["source"])
    if vip.version != source.version:
        raise ValueError(f"source {source} and destination {vip} are of different families")
    port = _number("port", entry.get("port"), 1, 65535)
    return vip.version, [source_nat_rule(source, vip, entry.get("protocol") or "tcp", port)]


def destination(network: str) -> str:
    """A network as ip shows it: ``default``, or without the length where it is a single host."""
    parsed = ipaddress.ip_network(network)
    if parsed.prefixlen == 0:
        return "default"
    return str(parsed.network_address) if parsed.prefixlen == parsed.max_prefixlen else str(parsed)


def _ip(name: str, text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no address") from None


def _device(name: str) -> str:
    if not _DEVICE.match(name) or name in (".", ".."):
        raise ValueError(f"{name!r} is no name of an interface (at most 15 characters)")
    return name


def _table(name: str | int) -> int:
    number = TABLES.get(str(name)) or (int(name) if str(name).isdecimal() else 0)
    if not 0 < number < 2**32:
        raise ValueError(f"table {name!r}: give a number, or one of {', '.join(TABLES)}")
    return number


def _mark(value: str | int | None) -> int | None:
    if value is None:
        return None
    try:
        return int(str(value), 0)
    except ValueError:
        raise ValueError(f"mark {value!r} is no number") from None


def _number(name: str, value: t.Any, low: int, high: int) -> int | None:
    return None if value is None else _between(name, value, low, high)


def _between(name: str, value: t.Any, low: int, high: int) -> int:
    if not low <= int(value) <= high:
        raise ValueError(f"{name}: {value} is not between {low} and {high}")
    return int(value)
