# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``haproxy``: hosts on which HAProxy spreads HTTP or TCP over the tier behind."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ...blocks import wanted
from ...haproxy.balance import PEER_PORT
from ..hosts import Host, Inventory
from ..model import Finding, Listener, Opening, Part, Stack
from ..options import boolean, choice, nested, option, text
from .front import Check, listeners
from .proxy import Proxy
from .targets import Target, headers

ALGORITHMS = (
    *("roundrobin", "static-rr", "leastconn", "first", "source", "uri", "url_param", "hdr", "hash", "random"),
    *("rdp-cookie", "sticky"),
)
MAX_WEIGHT = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tls:
    """The path of a PEM file on the host: the certificate with its chain and key."""

    certificate: str = option(text)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Haproxy(Proxy):
    """``peers``: the hosts tell each other their stick tables."""

    KIND = "haproxy"
    ROLE = "haproxy"

    algorithm: str = option(choice(*ALGORITHMS), "roundrobin")
    tls: Tls | None = option(nested(Tls), None)  # noqa: RUF009 - frozen
    peers: bool = option(boolean, False)

    @property
    def encrypted(self) -> bool:
        return self.tls is not None

    @property
    def says_by_headers(self) -> bool:
        return self.protocol == "http" and bool((self.front or {}).get("forwarded_for", True))

    @property
    def listening(self) -> tuple[Listener, ...]:
        given = wanted(one for one in self.listed_in_front("binds") if isinstance(one, dict) and "address" in one)
        places = [(str(one["address"]), str(one.get("port"))) for one in given or binds([], self.own_ports)]
        return listeners(self.KIND, self.transport, places)

    def listeners(self, stack: Stack, host: Host) -> tuple[Listener, ...]:
        if not self.peers:
            return self.listening
        return (*self.listening, Listener("tcp", PEER_PORT, "", self.KIND, host.written[:1], fixed=True))

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        yield from super().findings(stack, inventory)
        if self.peers and PEER_PORT in self.own_ports:
            text_ = f"port: {PEER_PORT} is where hosts with peers share their stick tables: take another port"
            yield self.finding("port-twice", text_)
        behind = stack.behind(self)
        for host in inventory.members(behind.hosts) if behind else ():
            if host.options.weight > MAX_WEIGHT:
                text_ = f"lb_weight {host.options.weight} is above {MAX_WEIGHT}, the highest of HAProxy: scale them all down"
                yield self.finding("weights", text_, host.name)

    def openings(self, inventory: Inventory) -> tuple[Opening, ...]:
        peers = self._peers(inventory) if self.peers else []
        families = sorted({ipaddress.ip_address(peer["address"]).version for peer in peers})
        # a host in several networks asks from any of its addresses
        hosts = inventory.members(self.hosts)
        others = tuple(str(one) for host in hosts for family in families for one in host.own(family))
        return (*super().openings(inventory), *([Opening("tcp", (PEER_PORT,), others)] if others else []))

    def part(self, pool: list[Target], stack: Stack, inventory: Inventory) -> Part:
        gone = self.state == "absent"
        return {
            "frontends": [] if gone else [{**self._frontend(stack, inventory), **(self.front or {})}],
            "backends": [] if gone else [{**self._backend(pool, stack), **(self.pool or {})}],
            "peers": self._peers(inventory) if self.peers and not gone else [],
            "redirect_own_names": [],
        }

    def _frontend(self, stack: Stack, inventory: Inventory) -> Part:
        hosts = inventory.members(self.hosts)
        heard = {"proxy_protocol": True} if any(headers(self, stack)) else {}
        tls = {"tls": {"certificates": [self.tls.certificate]}} if self.tls else {}
        return {
            "name": self.name,
            "mode": self.protocol,
            "binds": [{**one, **heard, **tls} for one in binds(hosts, self.own_ports)],
            "trusted_proxies": self.trusted(stack, inventory),
            **({"proxy_protocol_from": self.heard_from(stack, inventory)} if heard else {}),
            "default_backend": self.name,
        }

    def _backend(self, pool: list[Target], stack: Stack) -> Part:
        port = self.port_behind(stack)
        found: Part = {
            "name": self.name,
            "mode": self.protocol,
            "balance": self.algorithm,
            "servers": [self._server(one, port) for one in pool],
        }
        if self.one_request_a_connection(stack):
            found["lines"] = ["option http-server-close"]
        if self.sticky:
            found["cookie"] = {"name": self.sticky, "httponly": True}
        if self.check:
            found.update(check_part(self.check, self.protocol))
        return found

    def _server(self, one: Target, port: int) -> Part:
        return {
            "name": one.name,
            "address": str(one.address),
            "port": port,
            "weight": one.weight,
            **({"proxy_protocol": "v2"} if self.send_proxy_protocol else {}),
        }

    def _peers(self, inventory: Inventory) -> list[Part]:
        found = []
        for host in inventory.members(self.hosts):
            own = [*host.own(4), *host.own(6)]
            found.append({"name": host.name, "address": str(own[0])})
        return found


def binds(hosts: t.Iterable[Host], ports: t.Iterable[int]) -> list[Part]:
    """Where a frontend of these hosts listens: on all addresses of the families that they have."""
    both = any(host.own(6) for host in hosts)
    place = {"address": "::", "words": ["v4v6"]} if both else {"address": "*"}
    return [{**place, "port": str(port)} for port in ports]


def check_part(check: Check, protocol: str) -> Part:
    """The options of a backend that its check takes."""
    kind = check.type or protocol
    found: Part = {"type": "tcp" if kind == "tcp" else "http", "rise": check.rise, "fall": check.fall}
    found["interval"] = _time(check.interval)
    if kind != "tcp":
        found["path"] = check.path
        found.update({"host": check.host} if check.host else {})
    if kind == "https":
        found["tls"] = True
    if check.port:
        found["port"] = check.port
    return {"check": found, "timeouts": {"check": _time(check.timeout)}}


def _time(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
