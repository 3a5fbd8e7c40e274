# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``nginx``: hosts on which nginx spreads HTTP, TCP or UDP over the tier behind."""

from __future__ import annotations

import dataclasses
import typing as t

from ..hosts import Inventory
from ..model import Finding, Listener, Part, Stack, Tier
from ..options import boolean, choice, listed, nested, option, text
from .front import Check, listeners
from .proxy import Proxy
from .targets import Target, headers, senders

HTTP = 80
TRIES = 3
"""How often a request is sent where somebody behind chooses another server for it each time."""
ALGORITHMS = ("round_robin", "least_conn", "ip_hash", "hash", "random", "least_time")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tls:
    """Paths on the host."""

    certificate: str = option(text)
    key: str = option(text)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Nginx(Proxy):
    """``domains``: none means all of them."""

    KIND = "nginx"
    ROLE = "nginx_lb"

    protocol: str = option(choice("http", "tcp", "udp"), "http")
    algorithm: str = option(choice(*ALGORITHMS), "round_robin")
    domains: tuple[str, ...] = option(listed(text), ())
    tls: Tls | None = option(nested(Tls), None)  # noqa: RUF009 - frozen
    redirect_https: bool = option(boolean, False)

    @classmethod
    def check_together(cls, tiers: t.Sequence[Tier], stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        """What comes to one port of a host begins with a header or does not: nginx looks for it before it knows the name."""
        redirects = [one for one in stack.tiers.values() if getattr(one, "engine", "") == cls.KIND]
        found: dict[tuple[str, ...], tuple[bool, str]] = {}
        for tier in (*tiers, *(one for one in redirects if one.state == "present")):
            front = getattr(tier, "front", None) or {}
            hears = bool(front.get("proxy_protocol", tier.kind == cls.KIND and any(headers(tier, stack))))
            for host in inventory.members(tier.hosts):
                there = tier.listeners(stack, host)
                places = [(f"{one.protocol} {one.port}", at) for one in there for at in one.addresses or ("",)]
                for port, at in dict.fromkeys(places):
                    other, first = found.setdefault((host.name, port, at), (hears, tier.name))
                    if other != hears:
                        text_ = (
                            f"port: {port} is also that of tier {first}, and only one of them is sent a PROXY header"
                        )
                        yield tier.finding("proxy-protocol", f"{text_}: take another port", host.name)

    @property
    def encrypted(self) -> bool:
        return self.tls is not None

    @property
    def open_ports(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys((*self.own_ports, *((HTTP,) if self.redirect_https else ()))))

    @property
    def listening(self) -> tuple[Listener, ...]:
        # nginx tells sites of one port apart by their names
        names = (self.domains or ("all domains",)) if self.protocol == "http" else ("",)
        own = self.listed_in_front("listen") or listen(self.own_ports)
        plain = self.listed_in_front("plain_listen") or listen([HTTP])
        places = [place(each) for each in (*own, *(plain if self.redirect_https else ()))]
        return listeners(self.KIND, self.transport, places, names)

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        yield from super().findings(stack, inventory)
        if self.protocol == "http" and self.send_proxy_protocol:
            yield self.finding("proxy-protocol", "send_proxy_protocol: nginx sends it with protocol tcp or udp only")
        for name in ("domains", "redirect_https") if self.protocol != "http" else ():
            if getattr(self, name):
                yield self.finding(
                    "protocol-option", f"{name}: is for protocol http, not {self.protocol}: leave it out"
                )

    def part(self, pool: list[Target], stack: Stack, inventory: Inventory) -> Part:
        http = self.protocol == "http"
        upstream = {"name": self.name, "algorithm": self.algorithm, **self._pool(pool, stack), **(self.pool or {})}
        front = {**(self._site(stack, inventory) if http else self._stream(stack, inventory)), **(self.front or {})}
        gone = self.state == "absent"
        return {
            "upstreams": [] if gone else [upstream],
            "sites": [front] if http and not gone else [],
            "streams": [] if http or gone else [front],
            "redirects": [],
        }

    def _pool(self, pool: list[Target], stack: Stack) -> Part:
        port = self.port_behind(stack)
        found: Part = {
            "servers": [
                {
                    "address": str(one.address),
                    "port": port,
                    **({"weight": one.weight} if one.weight else {"drain": True}),
                }
                for one in pool
            ]
        }
        if self.one_request_a_connection(stack):
            found["keepalive"] = 0
        if self.chosen_behind(stack):
            found["tries"] = TRIES
        if self.sticky:
            found["sticky"] = {"cookie": self.sticky}
        return {**found, **check_part(self.check)}

    def _site(self, stack: Stack, inventory: Inventory) -> Part:
        hears = any(headers(self, stack))
        # HAProxies that speak HTTP say by headers what they were asked, too, and whether that was by TLS.
        told = hears and all(
            isinstance(front, Proxy) and front.says_by_headers for front, _addresses in senders(self, stack, inventory)
        )
        return {
            "name": self.name,
            "listen": listen(self.own_ports),
            "domains": list(self.domains),
            "default": not self.domains,
            "trusted_proxies": self.trusted(stack, inventory),
            "proxy_protocol": hears,
            **({"real_ip_header": "X-Forwarded-For"} if told else {}),
            **({"tls": dataclasses.asdict(self.tls)} if self.tls else {}),
            "redirect_https": self.redirect_https,
            "upstream": self.name,
            **({"next_upstream": {"tries": TRIES}} if self.chosen_behind(stack) else {}),
        }

    def _stream(self, stack: Stack, inventory: Inventory) -> Part:
        return {
            "name": self.name,
            "listen": listen(self.own_ports),
            "protocol": self.protocol,
            "proxy_protocol": any(headers(self, stack)),
            "send_proxy_protocol": self.send_proxy_protocol,
            **({"tls": dataclasses.asdict(self.tls)} if self.tls else {}),
            "upstream": self.name,
            **({"tries": TRIES} if self.chosen_behind(stack) else {}),
        }


def listen(ports: t.Iterable[int]) -> list[str]:
    """Where a site or stream listens: on all addresses of both families."""
    return [place for port in ports for place in (str(port), f"[::]:{port}")]


def place(listen_: str) -> tuple[str, str]:
    """Address and port of one of them."""
    address, _colon, port = str(listen_).rpartition(":")
    return address, port


def share(weight: int) -> Part:
    """The options of a server or target that its weight takes; 0 drains it."""
    return {"weight": weight} if weight else {"drain": True}


def check_part(check: Check | None) -> Part:
    """The option of an upstream or redirect that its check takes; what is not set is the role's own."""
    return {"check": {name: value for name, value in dataclasses.asdict(check).items() if value}} if check else {}
