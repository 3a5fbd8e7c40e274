# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that all parts of the stack model share: tiers, findings, steps and the plan."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .addresses import Address
from .options import choice, integer, name_text, option, read, text

if t.TYPE_CHECKING:
    from .hosts import Host, Inventory

Severity = t.Literal["error", "warning"]
Part = dict[str, t.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where (``tier``, ``host``; empty where it is about neither), which rule, what to do."""

    tier: str
    host: str
    rule: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        where = ", ".join(f"{word} {name}" for word, name in (("tier", self.tier), ("host", self.host)) if name)
        return f"{where or 'lb_stack'}: {self.message} [{self.rule}]"


class Listener(t.NamedTuple):
    """A port of a host, of one name only where a daemon can tell its clients apart by that (``name``).

    ``daemon`` is empty for what the stack does not run; ``addresses`` are empty for all; ``fixed``: no option changes the port.
    """

    protocol: str
    port: int
    name: str = ""
    daemon: str = ""
    addresses: tuple[str, ...] = ()
    fixed: bool = False

    def __str__(self) -> str:
        return f"{self.protocol} {self.port}{f' for {self.name}' if self.name else ''}"

    def clashes(self, other: Listener) -> bool:
        """Whether one host cannot have both, each of another tier."""
        if (self.protocol, self.port) != (other.protocol, other.port):
            return False
        apart = self.addresses and other.addresses and not set(self.addresses) & set(other.addresses)
        # two tiers may mean the same service of the user's, and sites of one daemon share a port
        told_apart = self.daemon == other.daemon and (
            not self.daemon or (self.name and other.name not in ("", self.name))
        )
        return not apart and not told_apart


@dataclasses.dataclass(frozen=True, slots=True)
class Opening:
    """What a firewall on a host has to let in. Empty ``ports``: all of them, or the protocol has none.

    ``protocol`` is a name of /etc/protocols; ``sources`` and ``destinations`` are addresses or networks, empty for any.
    """

    protocol: str
    ports: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()

    def by_family(self) -> t.Iterator[Opening]:
        """The same as one for each family of its addresses."""
        for family in ("ipv4", "ipv6"):
            sources, destinations = (
                tuple(one for one in some if (":" in one) == (family == "ipv6"))
                for some in (self.sources, self.destinations)
            )
            if bool(sources) == bool(self.sources) and bool(destinations) == bool(self.destinations):
                yield dataclasses.replace(self, sources=sources, destinations=destinations)
            if not self.sources and not self.destinations:
                return

    def part(self) -> Part:
        """As a play sees it."""
        addresses = (*self.sources, *self.destinations)
        family = ("ipv6" if ":" in addresses[0] else "ipv4") if addresses else "any"
        lists = {name: list(value) for name, value in dataclasses.asdict(self).items() if name != "protocol"}
        return {"family": family, "protocol": self.protocol, **lists}


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What one role does on some hosts at the same time; ``parts`` is its input for each of them."""

    name: str
    tier: str
    part: str
    """The role's entry point: ``director`` or ``real_server``."""
    role: str
    parts: dict[str, Part]
    about: tuple[str, ...] = ()
    """What these hosts get, in lines for people."""
    openings: t.Mapping[str, tuple[Opening, ...]] = dataclasses.field(default_factory=dict)
    """By host; nothing of a tier that is taken back."""


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """All steps in the order in which they are safe to take: what stands behind is ready before what sends to it."""

    steps: tuple[Step, ...]

    @property
    def openings(self) -> dict[str, list[Opening]]:
        """By host, each once, and none with addresses of two families."""
        found: dict[str, dict[Opening, None]] = {}
        for step in self.steps:
            for host, some in step.openings.items():
                found.setdefault(host, {}).update(dict.fromkeys(one for each in some for one in each.by_family()))
        return {host: list(some) for host, some in found.items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tier:
    """What every kind of tier has. A kind subclasses it, adds its options, and answers ``findings`` and ``derive``."""

    KIND: t.ClassVar[str] = ""
    BACKENDS: t.ClassVar[tuple[str, ...]] = ()
    """Kinds that may stand behind this one."""
    BACKEND_OPTION: t.ClassVar[str] = "backend"
    """Where they are named."""

    name: str = option(name_text)
    kind: str = option(text)
    hosts: str = option(text, "")
    backend: str = option(text, "")
    state: str = option(choice("present", "absent"), "present")
    leaving_vips: tuple[Address, ...] = ()
    """An option of the kinds whose VIPs may go one by one."""
    min_available: int = option(integer(0, 10**6), 1)
    """How many of its hosts must stay in service when one is drained."""

    @classmethod
    def load(cls, raw: t.Mapping[str, object]) -> tuple[t.Self | None, list[str]]:
        """The tier out of its mapping in ``lb_stack``, and what is wrong with it; ``None`` where it cannot be used."""
        return read(cls, raw)

    @classmethod
    def check_together(cls, tiers: t.Sequence[Tier], stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        """The rules between ``tiers``, which are those of this kind that are wanted and sound."""
        yield from ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the tiers that this one sends to, each once."""
        return (self.backend,) if self.backend else ()

    def completed(self, tiers: t.Iterable[Tier]) -> Tier:
        """This tier with what it takes over from others of the stack. Called once, when all are read."""
        return self

    def ports(self, stack: Stack) -> tuple[int, ...]:
        """The ports that this tier answers on; empty where that is for the tier in front to say."""
        return ()

    def tcp_ports(self, stack: Stack) -> tuple[int, ...]:
        """Those of its ports that answer over TCP."""
        return self.ports(stack)

    @property
    def protocols(self) -> tuple[str, ...]:
        """Over what it is asked, and asks the tier behind."""
        return ("tcp",)

    def asks(self, ports: tuple[int, ...]) -> list[tuple[str, int]]:
        """Of a tier that listens on these ports: protocols and ports."""
        return [(protocol, port) for protocol in self.protocols for port in ports]

    def listeners(self, stack: Stack, host: Host) -> tuple[Listener, ...]:
        """What one of its hosts listens on, for as long as nobody else can listen there too."""
        return ()

    def router_ids(self, inventory: Inventory) -> tuple[int, ...]:
        """The virtual router ids that its hosts use in their networks."""
        return ()

    @property
    def addresses_for_clients(self) -> tuple[Address, ...]:
        """The VIPs that this tier answers on."""
        return ()

    @property
    def own_addresses(self) -> tuple[Address, ...]:
        """All addresses that belong to this tier alone: no host and no other tier may have one of them."""
        return self.addresses_for_clients

    def holders(self, stack: Stack, inventory: Inventory) -> list[Host]:
        """The hosts that take a connection to the tier's VIPs for themselves, so that theirs are not balanced."""
        return []

    def findings(self, stack: Stack, inventory: Inventory) -> t.Iterator[Finding]:
        """The rules of this kind. Called only where hosts and backend exist."""
        yield from ()

    def derive(self, stack: Stack, inventory: Inventory) -> t.Iterator[Step]:
        """The steps of this tier, from the back to the front. Called only where no finding is an error."""
        yield from ()

    def finding(self, rule: str, message: str, host: str = "", severity: Severity = "error") -> Finding:
        """A finding about this tier."""
        return Finding(self.name, host, rule, message, severity)


@dataclasses.dataclass(frozen=True)
class Stack:
    """The tiers that could be read, by name and in the order of ``lb_stack``.

    ``broken`` are the remains of those that could not: nothing is said a second time about their options.
    """

    tiers: dict[str, Tier]
    broken: t.Mapping[str, Tier] = dataclasses.field(default_factory=dict)

    def behind(self, tier: Tier) -> Tier | None:
        """The tier that ``tier`` sends to, of a kind that has one at most."""
        return self.tiers.get(tier.backend)

    def all_behind(self, tier: Tier) -> list[Tier]:
        """All tiers that ``tier`` sends to, as far as they are there."""
        return [self.tiers[name] for name in tier.needs if name in self.tiers]

    def fronts(self, tier: Tier) -> list[Tier]:
        """The tiers that send to ``tier``."""
        return self._fronts.get(tier.name, [])

    @functools.cached_property
    def _fronts(self) -> dict[str, list[Tier]]:
        found: dict[str, list[Tier]] = {}
        for one in self.tiers.values():
            for name in one.needs if one.state == "present" else ():
                found.setdefault(name, []).append(one)
        return found
