# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IPVS table as immutable, normalised values: two tables are the same exactly when they are equal.

The kernel can hold more than ``ipvsadm`` lets one say (other programs write it over netlink), so nothing is
refused here: what a user may ask for is judged in ``wanted``.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import typing as t

PROTOCOLS = ("tcp", "udp", "sctp")
FAMILIES = ("ipv4", "ipv6")
FORWARDS = ("dr", "nat", "tun")
TUNNEL_TYPES = ("ipip", "gue", "gre")
CHECKSUMS = ("none", "csum", "remcsum")
# ``none`` is a service without a scheduler: it is there, and takes no new connection.
SCHEDULERS = (
    *("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"),
    *("twos", "none"),
)
# The kernel has three flag bits; sh and mh have names for two of them.
NAMED_FLAGS = {"sh": ("sh-fallback", "sh-port"), "mh": ("mh-fallback", "mh-port")}
PLAIN_FLAGS = ("flag-1", "flag-2", "flag-3")
ENGINES = ("sip",)

MAX_INT = 2**31 - 1
MAX_FWMARK = 2**32 - 1
MAX_SECONDS = 31 * 24 * 3600


class ModelError(ValueError):
    """A value that IPVS cannot hold; the text says which, where, and what to do."""


class ServiceKey(t.NamedTuple):
    """What the kernel knows a virtual service by: protocol, address and port, or a firewall mark (else 0)."""

    family: str
    fwmark: int = 0
    protocol: str = ""
    address: str = ""
    port: int = 0

    @property
    def full_mask(self) -> int:
        """The mask that sets every client apart."""
        return 32 if self.family == "ipv4" else 128

    def __str__(self) -> str:
        if self.fwmark:
            return f"fwmark {self.fwmark}" + (" ipv6" if self.family == "ipv6" else "")
        return f"{self.protocol} {endpoint(self.address, self.port)}"


DestinationKey = tuple[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Tunnel:
    """How packets to a ``tun`` destination are wrapped. ``port`` is 0 except for gue."""

    type: str = "ipip"
    port: int = 0
    checksum: str = "none"


IPIP = Tunnel()


@dataclasses.dataclass(frozen=True, slots=True)
class Destination:
    """A real server of one service. Thresholds are connection counts, 0 for none; only ``tun`` uses ``tunnel``."""

    address: str
    port: int
    forward: str = "dr"
    weight: int = 1
    upper_threshold: int = 0
    lower_threshold: int = 0
    tunnel: Tunnel = IPIP

    @property
    def key(self) -> DestinationKey:
        return (self.address, self.port)

    def __str__(self) -> str:
        return endpoint(self.address, self.port)


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """A virtual service. ``persistent`` is in seconds, 0 for off; ``destinations`` are sorted by address and port."""

    key: ServiceKey
    scheduler: str = "wlc"
    scheduler_flags: tuple[str, ...] = ()
    persistent: int = 0
    persistence_mask: int = 0
    persistence_engine: str = ""
    one_packet: bool = False
    destinations: tuple[Destination, ...] = ()

    def __post_init__(self) -> None:
        if not self.persistent:
            object.__setattr__(self, "persistence_mask", self.key.full_mask)
        object.__setattr__(self, "destinations", tuple(sorted(self.destinations, key=lambda found: found.key)))

    @property
    def settings(self) -> Service:
        """The service without its destinations: what one ``ipvsadm -A`` or ``-E`` sets."""
        return dataclasses.replace(self, destinations=())

    def with_destinations(self, destinations: t.Iterable[Destination]) -> Service:
        return dataclasses.replace(self, destinations=tuple(destinations))


Table = t.Mapping[ServiceKey, Service]


def endpoint(address: str, port: int) -> str:
    """Address and port as ``ipvsadm`` reads and prints them: an IPv6 address stands in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def family_of(address: str) -> str:
    return "ipv6" if ":" in address else "ipv4"


# A table names the same few addresses thousands of times.
@functools.lru_cache(maxsize=65536)
def normal_address(text: str) -> str:
    """The one spelling of an IP address; raises ``ModelError`` for a host name, a network or a zone."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ModelError(f"{text!r} is not an IP address (host names are not resolved)") from error
    if getattr(address, "scope_id", None):
        raise ModelError(f"{text!r} names a zone, which IPVS cannot hold")
    return str(address)


def normal_flags(scheduler: str, flags: t.Iterable[str]) -> tuple[str, ...]:
    """Flags by the names and in the order that ``ipvsadm`` prints for the scheduler."""
    own = NAMED_FLAGS.get(scheduler, PLAIN_FLAGS)
    places = set()
    for flag in flags:
        if flag in own:
            places.add(own.index(flag))
        elif flag in PLAIN_FLAGS[: len(own)]:
            places.add(PLAIN_FLAGS.index(flag))
        else:
            raise ModelError(f"scheduler {scheduler} has no flag {flag!r}; it has {', '.join(own)}")
    return tuple(own[place] for place in sorted(places))
