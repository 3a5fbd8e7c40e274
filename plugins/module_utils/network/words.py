# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Items as command lines of ``ip``. Pure."""

from __future__ import annotations

import dataclasses

from .model import Address, Item, Port, Route, Rule, Tunnel

_MODES = {"ipip": ["mode", "ipip"], "sit": ["mode", "ip6ip"], "ip6tnl": ["mode", "any"]}


def add(item: Item) -> list[str]:
    """Adds an item; for a tunnel only the device, see ``change`` for the rest of it."""
    match item:
        case Port():
            return ["ip", f"-{item.family}", "fou", "add", *_port(item)]
        case Tunnel():
            return ["ip", "link", "add", item.name, *_tunnel(item)]
        case Address():
            return ["ip", "address", "add", *_address(item)]
        case Route():
            # systemd-networkd takes away foreign routes that are not marked as static when it is restarted.
            return [
                "ip",
                f"-{item.family}",
                "route",
                "add",
                *_route(item),
                *([] if item.extra else ["proto", "static"]),
            ]
        case Rule():
            return ["ip", f"-{item.family}", "rule", "add", *_rule(item)]


def replace(item: Item) -> list[str]:
    """Adds an address or route, or gives the one that is there these properties."""
    words = add(item)
    return [word if at != words.index("add") else "replace" for at, word in enumerate(words)]


def delete(item: Item) -> list[str]:
    """Removes an item, and no other."""
    match item:
        case Port():
            return ["ip", f"-{item.family}", "fou", "del", "port", str(item.number)]
        case Tunnel():
            return ["ip", "link", "delete", item.name]
        case Address():
            return ["ip", "address", "delete", item.address, "dev", item.interface]
        case Route():
            exact = dataclasses.replace(item, onlink=False, advmss=None, extra=())
            return ["ip", f"-{item.family}", "route", "delete", *_route(exact)]
        case Rule():
            return ["ip", f"-{item.family}", "rule", "delete", *_rule(item)]


def change(now: Tunnel | None, wanted: Tunnel) -> list[list[str]]:
    """Gives a tunnel that is there (``None``: that was just added) the wanted properties, without taking it away.

    ``change(wanted, now)`` has the same number of lines and takes them back one by one.
    """
    lines = []
    if now is not None and (now.local, now.remote, now.checksum) != (wanted.local, wanted.remote, wanted.checksum):
        lines.append(["ip", "link", "set", wanted.name, *_tunnel(wanted, "noicsum")])
    mtu, was = wanted.mtu, None if now is None else now.mtu
    if mtu is not None and mtu != was:
        lines.append(["ip", "link", "set", wanted.name, "mtu", str(mtu)])
    if (now is not None and now.up) != wanted.up:
        lines.append(["ip", "link", "set", wanted.name, "up" if wanted.up else "down"])
    return lines


def shown(item: Item) -> str:
    """An item in a line, for people."""
    kind = type(item).__name__.lower()
    match item:
        case Port():
            return f"{kind} {item.number} gue (IPv{item.family})"
        case Tunnel():
            mtu = "" if item.mtu is None else f" mtu {item.mtu}"
            return f"{kind} {item.name} {' '.join(_tunnel(item))}{mtu} {'up' if item.up else 'down'}"
        case Address():
            return f"{kind} {item.address} dev {item.interface}{' deprecated' if item.deprecated else ''}"
        case Route():
            return f"{kind} {' '.join(_route(item))}"
        case Rule():
            return f"{kind} {' '.join([*_rule(item), *item.extra])} (IPv{item.family})"


def _port(item: Port) -> list[str]:
    return ["port", str(item.number), "gue"]


def _tunnel(item: Tunnel, plain: str = "") -> list[str]:
    words = ["type", item.kind, *_MODES.get(item.kind, []), "local", item.local, "remote", item.remote]
    if item.kind in ("gre", "ip6gre"):
        words += ["icsum"] if item.checksum else [plain] if plain else []
    return words


def _address(item: Address) -> list[str]:
    words = [item.address, "dev", item.interface]
    if ":" in item.address:
        # A VIP moves between hosts: a check for duplicates would keep it from serving, or fail against the old holder.
        words += ["preferred_lft", "0" if item.deprecated else "forever", "nodad"]
    return words


def _route(item: Route) -> list[str]:
    words = [item.type, item.to]
    for name, value in (("via", item.via), ("dev", item.interface)):
        words += [name, value] if value is not None else []
    words += ["table", str(item.table)]
    words += ["metric", str(item.metric)] if item.metric else []
    words += ["onlink"] if item.onlink else []
    words += ["advmss", str(item.advmss)] if item.advmss is not None else []
    return [*words, *item.extra]


def _rule(item: Rule) -> list[str]:
    words = ["not"] if item.invert else []
    values = (
        ("priority", item.priority),
        ("from", item.source),
        ("to", item.to),
        ("fwmark", item.fwmark),
        ("ipproto", item.protocol),
        ("sport", item.source_port),
        ("table", item.table),
        ("suppress_prefixlength", item.suppress_prefixlength),
    )
    for name, value in values:
        words += [name, str(value)] if value is not None else []
    return words
