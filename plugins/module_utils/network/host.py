# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the network of a host: mostly one run of ip; iptables only where rules of it are wanted or remembered."""

from __future__ import annotations

import json
import typing as t

from ..system.command import Command, ProgramMissing, Result
from ..system.files import FileStore
from ..system.networkd import network_file
from ..system.records import of_all_scopes
from . import parse
from .filters import TOOLS, chain_in, chain_of
from .model import Item, Link, Live, NetworkProblem, Port, Record, Route, Rule, Wanted
from .render import FOLDER, record_from_json


def records(scope: str, store: FileStore) -> tuple[Record | None, dict[str, Record]]:
    """The record of the scope, if it has one, and those of the others by their names."""
    found = of_all_scopes(FOLDER, store, record_from_json)
    return found.pop(scope, None), found


class Reader:
    """Reads what matters for a scope; with ``lenient`` (check mode) a missing iptables has no rules."""

    def __init__(self, scope: str, command: Command, *, lenient: bool = False) -> None:
        self._scope, self._command, self._lenient = scope, command, lenient
        self._tools = dict(TOOLS)

    def live(self, kinds: set[type[Item]], families: set[int], filters: t.Iterable[tuple[int, str]]) -> Live:
        """``kinds``: items that matter; ``families``: of the rules that do; ``filters``: (family, table) that do."""
        lines = ["address show"]
        lines += ["route show table all"] if Route in kinds else []
        lines += ["rule show"] if Rule in kinds and 4 in families else []
        batch = dict(zip(lines, self._ip([], lines), strict=True))
        rows = batch["address show"]
        addresses, secondaries = parse.addresses(rows)
        routes, opaque = parse.routes(batch.get("route show table all", []))
        items: list[Item] = [*parse.tunnels(rows), *addresses, *routes, *parse.rules(batch.get("rule show", []), 4)]
        if Rule in kinds and 6 in families:
            items += parse.rules(self._ip(["-6"], ["rule show"])[0], 6)
        if Port in kinds:
            items += self._ports()
        chains = {place: self._chain(*place) for place in sorted(set(filters))}
        first = parse.by_key(items)
        shadowed = tuple(route for route in routes if first[route.key] is not route)
        return Live(parse.links(rows), first, opaque, shadowed, tuple(secondaries), chains, self._tools)

    def _ip(self, options: list[str], lines: list[str]) -> list[list[parse.Row]]:
        result = self._command(["ip", *options, "-N", "-d", "-json", "-batch", "-"], "\n".join(lines) + "\n")
        found = parse.documents(result.out)
        if result.rc != 0 or len(found) != len(lines):
            raise NetworkProblem(f"ip {'; ip '.join(lines)} failed: {result.err.strip() or result.out.strip()[:200]}")
        return found

    def _ports(self) -> list[Port]:
        result = self._command(["ip", "-json", "fou", "show"])
        if result.rc != 0 or not result.out.strip():  # the module fou is not loaded: there are none
            return []
        return parse.ports(json.loads(result.out))

    def _chain(self, family: int, table: str) -> tuple[tuple[str, ...] | None, bool]:
        try:
            result = self._save(family, table)
        except ProgramMissing:
            if self._lenient:
                return None, False
            raise
        if result.rc != 0 and "nft" in result.err:
            # The nft back end on a kernel without nf_tables; the other one may work there.
            self._tools[family] = f"{TOOLS[family]}-legacy"
            result = self._save(family, table)
        if result.rc != 0:
            raise NetworkProblem(f"{self._tools[family]}-save -t {table} failed: {result.err.strip()}")
        return chain_in(result.out, table, chain_of(self._scope))

    def _save(self, family: int, table: str) -> Result:
        return self._command([f"{self._tools[family]}-save", "-t", table])


def networkd_files(links: t.Mapping[str, Link], store: FileStore) -> dict[str, str]:
    """Interfaces that systemd-networkd manages, with the .network file that it uses for them."""
    known = ((link.name, network_file(link.index, store)) for link in links.values())
    return {name: path for name, path in known if path}


def concerns(*states: Wanted) -> tuple[set[type[Item]], set[int], set[tuple[int, str]]]:
    """What must be read for these: kinds of items, families of rules, places of filters."""
    items = [item for state in states for item in state.items]
    families = {item.family for item in items if isinstance(item, Rule)}
    return {type(item) for item in items}, families, {place for state in states for place in state.filters}
