# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An own table of nftables that closes what only peers may send, and lets everything else pass."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

# By number: a small host has no /etc/protocols.
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132, "vrrp": 112, "ipencap": 4, "ipv6": 41, "gre": 47}
WITH_PORTS = ("tcp", "udp", "sctp")
HIGHEST_PORT = 65535
WORDS = {4: "ip", 6: "ip6"}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = tuple[Network, ...]


class Target(t.NamedTuple):
    """What packets are for; ``family`` 0 is both, where no address says which."""

    protocol: str
    ports: tuple[int, ...]
    family: int
    destinations: Networks

    def match(self, sources: t.Iterable[Network] = ()) -> str:
        """The condition of a rule; without ``sources``, from everybody."""
        words = []
        for side, some in (("saddr", _sorted(sources)), ("daddr", self.destinations)):
            if some:
                words.append(f"{WORDS[self.family]} {side} {_any_of(map(_text, some))}")
        if self.ports:
            return " ".join([*words, f"{self.protocol} dport {_any_of(map(str, self.ports))}"])
        return " ".join([*words, f"meta l4proto {PROTOCOLS[self.protocol]}"])


@dataclasses.dataclass(frozen=True)
class Opening:
    """What may come in: an entry of ``openings`` of ``stack_plan``, everything in it once and in order."""

    protocol: str
    ports: tuple[int, ...]
    sources: Networks
    destinations: Networks

    @classmethod
    def read(cls, entry: t.Mapping[str, t.Any]) -> Opening:
        """Raises ``ValueError`` for what nftables would not understand, or otherwise than it is meant."""
        protocol, ports = entry["protocol"], sorted({int(port) for port in entry.get("ports") or ()})
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol {protocol!r} is not one of {', '.join(PROTOCOLS)}")
        if ports and protocol not in WITH_PORTS:
            raise ValueError(f"protocol {protocol} has no ports")
        if ports and not 1 <= ports[0] <= ports[-1] <= HIGHEST_PORT:
            raise ValueError(f"ports {ports} are not all from 1 to {HIGHEST_PORT}")
        return cls(protocol, tuple(ports), *(_networks(entry.get(side) or ()) for side in ("sources", "destinations")))

    def plain(self) -> dict[str, t.Any]:
        """The entry again."""
        ends = {"sources": list(map(_text, self.sources)), "destinations": list(map(_text, self.destinations))}
        return {"protocol": self.protocol, "ports": list(self.ports), **ends}

    def meets(self, other: Opening) -> bool:
        """Whether a packet can be of both, wherever it comes from and goes to."""
        same_port = not self.ports or not other.ports or bool({*self.ports} & {*other.ports})
        return self.protocol == other.protocol and same_port

    def targets(self) -> list[Target]:
        """What is closed to others, or open to everybody: of both families, where no destination says which."""
        families: list[int] = sorted({one.version for one in self.destinations}) or [0]
        return [
            Target(self.protocol, self.ports, family, _of(family, self.destinations) if family else ())
            for family in families
        ]

    def from_peers(self) -> t.Iterator[tuple[Target, Networks]]:
        """What is open to peers, by family."""
        for family in sorted({one.version for one in self.sources}):
            destinations = _of(family, self.destinations)
            if destinations or not self.destinations:
                yield Target(self.protocol, self.ports, family, destinations), _of(family, self.sources)


def table(name: str) -> str:
    """The name of a scope's table, of the family ``inet``."""
    return f"mixed_lb_{name}"


def concerned(some: t.Iterable[Opening], openings: t.Iterable[Opening]) -> list[Opening]:
    """Those of ``some`` that are about what one of ``openings`` closes, each once and in order."""
    closed = [one for one in openings if one.sources]
    return sorted({one for one in some if any(one.meets(other) for other in closed)}, key=lambda one: str(one.plain()))


def rules(openings: t.Sequence[Opening], also: t.Sequence[Opening], name: str) -> str:
    """The file for ``nft --file``.

    What one of ``openings`` lets in from its peers alone is closed, except to what one of them or of ``also`` lets in.
    """
    let_in = concerned((*openings, *also), openings)
    everybody = {target.match() for one in let_in if not one.sources for target in one.targets()}
    peers: dict[Target, set[Network]] = {}
    for one in let_in:
        for target, sources in one.from_peers():
            peers.setdefault(target, set()).update(sources)
    accepted = [*sorted(everybody), *sorted(target.match(sources) for target, sources in peers.items())]
    dropped = sorted({target.match() for one in openings if one.sources for target in one.targets()})
    lines = [
        f"# Written by mixed_lb.stack, role firewall, scope {name}. Changes made here are lost.",
        # one transaction: there is no moment without the table, and no other one is touched
        f"add table inet {table(name)}",
        f"delete table inet {table(name)}",
        f"table inet {table(name)} {{",
        "  chain input {",
        "    type filter hook input priority filter - 10; policy accept;",
        # what a host sends to itself
        '    iif "lo" accept',
        *(f"    {match} accept" for match in accepted),
        *(f"    {match} counter drop" for match in dropped),
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _networks(texts: t.Iterable[str]) -> Networks:
    found: set[Network] = set()
    for text in texts:
        if "%" in str(text):
            raise ValueError(f"{text!r}: an address is told without its interface")
        found.add(ipaddress.ip_network(str(text)))
    # nftables takes no set in which one entry is part of another
    return _sorted(one for one in found if not any(_within(one, other) for other in found - {one}))


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def _sorted(some: t.Iterable[Network]) -> Networks:
    return tuple(sorted(some, key=lambda one: (one.version, int(one.network_address), one.prefixlen)))


def _of(family: int, some: Networks) -> Networks:
    return tuple(one for one in some if one.version == family)


def _text(one: Network) -> str:
    return str(one.network_address) if one.prefixlen == one.max_prefixlen else str(one)


def _any_of(words: t.Iterable[str]) -> str:
    some = list(words)
    return some[0] if len(some) == 1 else f"{{ {', '.join(some)} }}"
