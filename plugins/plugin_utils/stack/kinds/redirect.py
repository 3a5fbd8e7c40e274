# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``redirect``: hosts that send every HTTP client to one of several targets, which it then asks by itself."""

from __future__ import annotations

import collections
import dataclasses
import ipaddress
import typing as t
import urllib.parse

from ..hosts import Host, Inventory
from ..model import Finding, Listener, Opening, Part, Stack, Step
from ..options import Invalid, choice, integer, listed, option, read_with_entries, shown, text
from . import haproxy, nginx
from .front import Check, Front
from .targets import FAMILIES, client_addresses

ROLES = {"nginx": "nginx_lb", "haproxy": "haproxy"}
SCHEME_PORTS = {"http": 80, "https": 443}
HOST = "{host}"


def url(value: object) -> str:
    """A parser of options."""
    found = text(value)
    try:
        parts = urllib.parse.urlsplit(found)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise Invalid(f"is wrong: {error}") from None
    if not named:
        raise Invalid(f"must have the name of the target, as in http://shop.example, not {shown(value)}")
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """Where clients are sent: ``url`` with ``{host}`` is one target for each host of ``backend``, else one for all."""

    url: str = option(url)
    backend: str = option(text)
    weight: int = option(integer(0, 256), 1)


class Target(t.NamedTuple):
    """``address`` and ``port`` are what is checked in place of the URL's name; port 0 where the URL is none.

    ``weight`` 0: nobody is sent there.
    """

    name: str
    url: str
    address: str
    port: int
    weight: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Redirect(Front):
    """See docs/stack.md for every option."""

    KIND = "redirect"

    backend: str = ""
    """Not the tier's option: each of its targets has its own."""
    engine: str = option(choice(*ROLES), "nginx")
    port: tuple[int, ...] = option(listed(integer(1, 65535)), (80,))
    domains: tuple[str, ...] = option(listed(text), ())
    status: int = option(integer(302, 308), 302)
    targets: tuple[Entry, ...] = ()

    @classmethod
    def load(cls, raw: t.Mapping[str, object]) -> tuple[t.Self | None, list[str]]:
        """The options of a target may stand in the tier: they hold for all its targets, or are its only one."""
        tier, entries, problems = read_with_entries(cls, Entry, raw, "targets")
        return (dataclasses.replace(tier, targets=entries) if tier else None), problems

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.backend for entry in self.targets))

    def ports(self, stack: Stack) -> tuple[int, ...]:
        return self.port

    def listeners(self, stack: Stack, host: Host) -> tuple[Listener, ...]:
        names = (self.domains or ("all domains",)) if self.engine == "nginx" else ("",)
        return tuple(Listener("tcp", port, name, self.engine) for port in self.port for name in names)

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        yield from super().findings(stack, inventory)
        if self.status not in (302, 307, 308):
            yield self.finding("redirect", f"status: {self.status} may be cached: take 302, 307 or 308")
        for entry in self.targets:
            if urllib.parse.urlsplit(entry.url).scheme not in SCHEME_PORTS:
                text_ = f"url: {entry.url} must begin with http:// or https://, then the name of the target"
                yield self.finding("redirect", text_)
        found = self._targets(inventory, stack)
        for one in found:
            if not one.port and urllib.parse.urlsplit(one.url).scheme in SCHEME_PORTS:
                yield self.finding("redirect", f"url: {one.url} is none: {HOST} takes names without colons")
        yield from self._reachable(found, inventory)
        names = [urllib.parse.urlsplit(one.url).netloc for one in found]
        for name in sorted({one for one in names if names.count(one) > 1}):
            text_ = f"url: {name} stands for several targets: put {HOST} into it, or give each target a name of its own"
            yield self.finding("redirect", text_)
        for name in sorted(set(names) & set(self.domains)):
            yield self.finding("redirect", f"url: {name} is a name of this tier itself: clients would go in circles")

    def _reachable(self, found: list[Target], inventory: Inventory) -> t.Iterator[Finding]:
        """Each host can check each target; what it knows of itself by ``ansible_host`` alone may not be all."""
        asks = self.check or self.engine == "haproxy"
        for host in inventory.members(self.hosts) if asks else ():
            for one in found if host.options.addresses else ():
                version = ipaddress.ip_address(one.address).version
                if not host.own(version):
                    text_ = f"has no IPv{version} address, but checks {one.url} at {one.address}: give all hosts one"
                    yield self.finding("family", text_, host.name)

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        hosts = inventory.members(self.hosts)
        found = self._targets(inventory, stack) if self.state == "present" else []
        make = self._by_nginx if self.engine == "nginx" else self._by_haproxy
        parts = {host.name: {"name": self.name, "state": self.state, **make(found, hosts)} for host in hosts}
        about = [f"-> {one.url} ({one.address} port {one.port}), weight {one.weight}" for one in found]
        openings = {host.name: (Opening("tcp", self.port),) for host in hosts} if found else {}
        if self.state == "absent":
            about = ["taken back: all that this tier laid down"]
        yield Step(
            f"{self.name}: redirect ({self.engine})",
            self.name,
            "main",
            ROLES[self.engine],
            parts,
            tuple(about),
            openings,
        )
        yield from self.vip_steps(inventory, self.engine)

    def _targets(self, inventory: Inventory, stack: Stack) -> list[Target]:
        found: dict[str, Target] = {}
        families = [one for one in FAMILIES if all(host.own(one) for host in inventory.members(self.hosts))]
        names: collections.Counter[str] = collections.Counter()
        for entry in self.targets:
            behind = stack.tiers[entry.backend]
            # a family that all hosts can ask in, where the tier has one
            known = sorted(client_addresses(behind, inventory), key=lambda one: one[1].version not in families)
            for name, one, weight in known if HOST in entry.url else known[:1]:
                url = entry.url.replace(HOST, name)
                if url in found:
                    continue  # the same host in another family
                share = weight * entry.weight if HOST in entry.url else entry.weight
                # HAProxy knows its servers by names of their own
                own = name if HOST in entry.url else behind.name
                names[own] += 1
                found[url] = Target(f"{own}-{names[own]}" if names[own] > 1 else own, url, str(one), _port(url), share)
        return list(found.values())

    def _by_nginx(self, found: list[Target], _hosts: list[Host]) -> Part:
        redirect = {
            "name": self.name,
            "domains": list(self.domains),
            "default": not self.domains,
            "listen": nginx.listen(self.port),
            "status": self.status,
            "targets": [{"url": one.url, "address": one.address, **nginx.share(one.weight)} for one in found],
            **nginx.check_part(self.check),
        }
        return {"upstreams": [], "sites": [], "streams": [], "redirects": [redirect] if found else []}

    def _by_haproxy(self, found: list[Target], hosts: list[Host]) -> Part:
        frontend = {"name": self.name, "binds": haproxy.binds(hosts, self.port), "default_backend": self.name}
        backend = {
            "name": self.name,
            "redirect_code": self.status,
            # who does not answer gets no client, also where the tier says nothing about checks
            **haproxy.check_part(self.check or Check(type="tcp"), "http"),
            "servers": [
                {"name": one.name, "address": one.address, "port": one.port, "weight": one.weight, "redirect": one.url}
                for one in found
            ],
        }
        return {
            "frontends": [frontend] if found else [],
            "backends": [backend] if found else [],
            "peers": [],
            "redirect_own_names": list(self.domains),
        }


def _port(url_: str) -> int:
    parts = urllib.parse.urlsplit(url_)
    try:
        return parts.port or SCHEME_PORTS.get(parts.scheme, 0)
    except ValueError:  # by the name of a host that stands in it
        return 0
