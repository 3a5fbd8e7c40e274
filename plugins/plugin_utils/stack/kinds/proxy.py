# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kinds ``nginx`` and ``haproxy`` share: a tier that takes connections itself and opens others to its backend."""

from __future__ import annotations

import dataclasses
import typing as t

from ..hosts import Host, Inventory
from ..model import Finding, Listener, Opening, Part, Stack, Step, Tier
from ..options import boolean, choice, integer, listed, mapping, option, text
from .front import Front
from .targets import Target, headers, reached, senders, targets


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proxy(Front):
    """See docs/stack.md for every option. ``front`` and ``pool``: what else the role takes there, as it takes it."""

    ROLE: t.ClassVar[str]

    backend: str = option(text)
    port: tuple[int, ...] = option(listed(integer(1, 65535)), ())
    backend_port: int = option(integer(1, 65535), 0)
    protocol: str = option(choice("http", "tcp"), "http")
    sticky: str = option(text, "")
    send_proxy_protocol: bool = option(boolean, False)
    front: t.Mapping[str, t.Any] | None = option(mapping, None)
    pool: t.Mapping[str, t.Any] | None = option(mapping, None)

    @property
    def encrypted(self) -> bool:
        """Whether clients speak TLS with it."""
        return False

    @property
    def own_ports(self) -> tuple[int, ...]:
        """Where it listens."""
        return self.port or ((443,) if self.encrypted else (80,))

    @property
    def open_ports(self) -> tuple[int, ...]:
        """Where it listens, also to send clients to another one of its ports."""
        return self.own_ports

    def ports(self, stack: Stack) -> tuple[int, ...]:
        return self.own_ports

    def tcp_ports(self, stack: Stack) -> tuple[int, ...]:
        return () if self.protocol == "udp" else self.own_ports

    @property
    def transport(self) -> str:
        return "udp" if self.protocol == "udp" else "tcp"

    @property
    def protocols(self) -> tuple[str, ...]:
        return (self.transport,)

    @property
    def listening(self) -> tuple[Listener, ...]:
        """Where its clients find it, on each of its hosts."""
        raise NotImplementedError

    def listed_in_front(self, name: str) -> list[t.Any]:
        """What ``front`` has in the place of the tier's own; empty where that is no list."""
        found = (self.front or {}).get(name)
        return found if isinstance(found, list) else []

    def listeners(self, stack: Stack, host: Host) -> tuple[Listener, ...]:
        return self.listening

    def openings(self, inventory: Inventory) -> tuple[Opening, ...]:
        """What its hosts let in: everybody, as far as they know."""
        return (Opening(self.transport, self.open_ports),)

    def port_behind(self, stack: Stack) -> int:
        """Where the backend listens; 0 where it cannot be known."""
        behind = stack.behind(self)
        known = behind.ports(stack) if behind else ()
        both = [port for port in self.own_ports if port in known]
        return self.backend_port or (known[0] if len(known) == 1 else both[0] if len(both) == 1 else 0)

    def one_request_a_connection(self, stack: Stack) -> bool:
        """Whether the tier behind balances connections: a request on one that is kept would go where the last one went,
        whatever the weights say now."""
        behind = stack.behind(self)
        return self.protocol == "http" and behind is not None and behind.kind in ("lvs", "external")

    def chosen_behind(self, stack: Stack) -> bool:
        """Whether it asks VIPs, behind which somebody chooses a server anew for each connection."""
        behind = stack.behind(self)
        return behind is not None and bool(behind.addresses_for_clients)

    @property
    def says_by_headers(self) -> bool:
        """Whether servers are told by headers of its own who the client is, and how it came."""
        return False

    def heard_from(self, stack: Stack, inventory: Inventory) -> list[str]:
        """The addresses that PROXY protocol headers come from; empty where not all of them are known."""
        known = all(
            host.options.addresses
            for front, _addresses in senders(self, stack, inventory)
            for host in inventory.members(front.hosts)
        )
        return self.trusted(stack, inventory) if known else []

    def trusted(self, stack: Stack, inventory: Inventory) -> list[str]:
        """The addresses of those in front, who may say whom they ask for."""
        return [str(one) for _front, addresses in senders(self, stack, inventory) for one in addresses]

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        behind = stack.behind(self)
        if not self.port_behind(stack):
            text_ = f"backend_port: say on which port {self.backend} is asked, as it says none, or several"
            yield self.finding("port-missing", text_)
        yield from super().findings(stack, inventory)
        if len(set(headers(self, stack))) > 1:
            text_ = (
                "send_proxy_protocol: some tiers in front of it say so, and others, or the clients that a name or"
                " redirect leads here, do not: write the same in all, or give those a tier of their own"
            )
            yield self.finding("proxy-protocol", text_)
        if any(headers(self, stack)):
            for front in stack.fronts(self):
                if getattr(front, "one_armed", False):
                    text_ = f"send_proxy_protocol: one_armed of tier {front.name} hides who sends the header, so it is believed"
                    yield self.finding(
                        "proxy-protocol", f"{text_} of nobody: take another gateway_mode, or mode dr or tun there"
                    )
        if self.sticky and self.protocol != "http":
            yield self.finding("sticky", f"sticky: a cookie is for protocol http, not {self.protocol}: leave it out")
        if behind:
            yield from self._reachable(behind, inventory)

    def _reachable(self, behind: Tier, inventory: Inventory) -> t.Iterator[Finding]:
        """All hosts reach a VIP of the tier behind, or each of its hosts: who is not reached would be in no pool."""
        hosts, advice = inventory.members(self.hosts), "give both an IPv4 or both an IPv6 address"
        if behind.addresses_for_clients:
            for host in hosts:
                if not targets(host, behind, inventory):
                    text_ = f"shares no address family with tier {behind.name}: {advice}"
                    yield self.finding("family", text_, host.name)
            return
        for server in inventory.members(behind.hosts):
            # of one without any address it has been said
            lost = [one.name for one in hosts if one.written and server.written and not reached(one, server, inventory)]
            if lost:
                yield self.finding("family", f"shares no address family with {', '.join(lost)}: {advice}", server.name)

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        hosts = inventory.members(self.hosts)
        parts = {
            host.name: {"name": self.name, "state": self.state, **self._of(host, stack, inventory)} for host in hosts
        }
        about = (
            ["taken back: all that this tier laid down"] if self.state == "absent" else self._about(stack, inventory)
        )
        here = () if self.state == "absent" else self.openings(inventory)
        openings = {host.name: here for host in hosts}
        yield Step(f"{self.name}: {self.KIND}", self.name, "main", self.ROLE, parts, tuple(about), openings)
        yield from self.vip_steps(inventory, self.KIND)

    def part(self, pool: list[Target], stack: Stack, inventory: Inventory) -> Part:
        """The role's input on a host whose pool is ``pool``, beside name and state."""
        raise NotImplementedError

    def _of(self, host: Host, stack: Stack, inventory: Inventory) -> Part:
        behind = stack.behind(self)
        # what goes away asks nothing of what may be gone already
        found = targets(host, behind, inventory) if behind and self.state == "present" else []
        return self.part(found, stack, inventory)

    def _about(self, stack: Stack, inventory: Inventory) -> t.Iterator[str]:
        yield f"listen on {', '.join(map(str, self.listening))}, protocol {self.protocol}"
        behind = stack.behind(self)
        port = self.port_behind(stack)
        seen = dict.fromkeys(
            found
            for host in inventory.members(self.hosts)
            for found in (targets(host, behind, inventory) if behind else ())
        )
        for found in seen:
            yield f"-> {found.name} {found.address} port {port}, weight {found.weight}"
