# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``storage``: files that all hosts of the tiers in front share: exported by a host, or mounted from elsewhere."""

from __future__ import annotations

import dataclasses
import typing as t

from ...storage import mounts
from ..hosts import Host, Inventory
from ..model import Finding, Opening, Part, Stack, Step, Tier
from ..options import Invalid, boolean, listed, option, text
from .targets import targets

PORT = 2049
EXPORTED = "nfs4"
"""The type that needs one port alone."""


def folder(value: object) -> str:
    """A parser of options."""
    try:
        return mounts.folder(text(value))
    except ValueError as error:
        raise Invalid(f"is wrong: {error}") from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Storage(Tier):
    """``path`` is the mount point. Either ``hosts`` is a group of one that exports, or ``source`` is what to mount."""

    KIND = "storage"

    backend: str = ""
    """Not an option: behind the storage stands nothing."""
    source: str = option(text, "")
    path: str = option(folder)
    export: str = option(folder, "")
    type: str = option(text, EXPORTED)
    writable: bool = option(boolean, False)
    options: tuple[str, ...] = option(listed(text), ())
    packages: tuple[str, ...] = option(listed(text), ())

    @classmethod
    def check_together(cls, tiers: t.Sequence[Tier], stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        """No host mounts two of them at the same path."""
        owner: dict[tuple[str, str], str] = {}
        for tier in tiers:
            if not isinstance(tier, Storage):
                continue
            for server in tier.servers(stack, inventory):
                first = owner.setdefault((server.name, tier.path), tier.name)
                if first != tier.name:
                    text_ = f"path: tier {first} is mounted at {tier.path} here too: take another path"
                    yield tier.finding("mount-twice", text_, server.name)

    def servers(self, stack: Stack, inventory: Inventory) -> list[Host]:
        """Those that mount it, each once."""
        found = {host.name: host for tier in stack.fronts(self) for host in inventory.members(tier.hosts)}
        return list(found.values())

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        hosts, servers = inventory.members(self.hosts), self.servers(stack, inventory)
        if bool(self.hosts) == bool(self.source):
            yield self.finding("storage", "source: say either hosts, which export, or source, which is only mounted")
        if not servers:
            yield self.finding("storage", f"no tier of kind servers has storage: {self.name}: name it there")
        if len(hosts) > 1:
            yield self.finding("storage", f"hosts: one host holds the files, {self.hosts!r} has {len(hosts)}")
        if hosts and self.type != EXPORTED:
            yield self.finding("storage", f"type: hosts export {EXPORTED}; {self.type} goes with source")
        for host in hosts:
            for server in servers:
                if server.name == host.name:
                    text_ = "exports the files itself: a host that mounts from itself can lock up, take another one"
                    yield self.finding("storage", text_, server.name)
                elif not targets(server, self, inventory):
                    text_ = f"has no address of a family that {host.name} has: give one of them both"
                    yield self.finding("family", text_, server.name)

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        servers = self.servers(stack, inventory)
        if self.hosts:
            yield self._exports(servers, inventory)
        if servers:
            parts = {server.name: self._mount(server, inventory) for server in servers}
            about = f"{self.path}: {self.type}, {'writable' if self.writable else 'read-only'}, at the first use"
            yield Step(f"{self.name}: mounts", self.name, "client", "shared_storage", parts, self._about(about))

    def _exports(self, servers: list[Host], inventory: Inventory) -> Step:
        parts: dict[str, Part] = {}
        openings: dict[str, tuple[Opening, ...]] = {}
        path = self.export or self.path
        for host in inventory.members(self.hosts):
            families = {
                server.name: [one.address.version for one in targets(server, self, inventory)] for server in servers
            }
            clients = [
                str(one) for server in servers for version in families[server.name] for one in server.own(version)
            ]
            export = {"path": path, "clients": clients, "writable": self.writable}
            wanted = self.state == "present"
            parts[host.name] = {"name": self.name, "state": self.state, "exports": [export] if wanted else []}
            if wanted:
                openings[host.name] = (Opening("tcp", (PORT,), tuple(clients)),)
        about = self._about(f"exports {path} to {', '.join(server.name for server in servers)}")
        return Step(f"{self.name}: exports", self.name, "server", "shared_storage", parts, about, openings)

    def _mount(self, server: Host, inventory: Inventory) -> Part:
        asked = [one.address for one in targets(server, self, inventory)][:1] if self.hosts else []
        at = [f"[{one}]" if one.version == 6 else str(one) for one in asked]
        return {
            "name": self.name,
            "state": self.state,
            "source": f"{at[0]}:{self.export or self.path}" if at else self.source,
            "path": self.path,
            "type": self.type,
            "writable": self.writable,
            "options": list(self.options),
            "packages": list(self.packages),
        }

    def _about(self, line: str) -> tuple[str, ...]:
        return (line,) if self.state == "present" else ("taken back: all that this tier laid down",)
