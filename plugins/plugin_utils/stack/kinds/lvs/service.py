# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual services of an lvs tier, and what a scheduler and its options allow."""

from __future__ import annotations

import dataclasses
import typing as t

from ...options import boolean, choice, integer, listed, nested, option

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos")
BLIND_TO_WEIGHT = ("rr", "lc", "dh")
FLAGS = {"sh": ("sh-fallback", "sh-port"), "mh": ("mh-fallback", "mh-port")}
MAX_PERSISTENT = 31 * 86400  # seconds; ipvsadm's own limit
MAX_THRESHOLD = 2**31 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Masks:
    """Prefix lengths that make clients one and the same to a persistent service; ``None`` tells all apart."""

    ipv4: int | None = option(integer(0, 32), None)
    ipv6: int | None = option(integer(1, 128), None)

    def of(self, version: int) -> int | None:
        return self.ipv4 if version == 4 else self.ipv6


NO_MASKS = Masks()


def masks(value: object) -> Masks:
    """A mapping by family; a bare number is IPv4's."""
    return nested(Masks)(value) if isinstance(value, dict) else Masks(ipv4=integer(0, 32)(value))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """One entry of ``services``; it stands for every pair of its protocols and ports.

    ``port`` empty: those of the backend; 0: all ports. ``server_port``: where the real servers listen (NAT).
    ``persistent`` in seconds, 0 is off.
    """

    protocol: tuple[str, ...] = option(listed(choice("tcp", "udp", "sctp")), ("tcp",))
    port: tuple[int, ...] = option(listed(integer(0, 65535)), ())
    server_port: int | None = option(integer(1, 65535), None)
    scheduler: str = option(choice(*SCHEDULERS), "wlc")
    scheduler_flags: tuple[str, ...] = option(listed(choice(*FLAGS["sh"], *FLAGS["mh"])), ())
    persistent: int = option(integer(0, MAX_PERSISTENT), 0)
    persistence_mask: Masks = option(masks, NO_MASKS)  # noqa: RUF009 - frozen, so one may be shared
    persistence_engine: str = option(choice("sip"), "")
    one_packet: bool = option(boolean, False)
    upper_threshold: int = option(integer(0, MAX_THRESHOLD), 0)
    lower_threshold: int = option(integer(0, MAX_THRESHOLD), 0)

    def problems(self, marked: bool) -> t.Iterator[tuple[str, str]]:
        """Options that do not go together, as (rule, message). ``marked``: the packets come by a firewall mark."""
        wrong = [flag for flag in self.scheduler_flags if flag not in FLAGS.get(self.scheduler, ())]
        if wrong:
            fits = ", ".join(FLAGS.get(self.scheduler, ())) or "no flag"
            yield "scheduler-flags", f"scheduler_flags: {self.scheduler} takes {fits}, not {', '.join(wrong)}"
        if 0 in self.port and not (self.persistent or marked):
            yield "port-zero", "port: 0 (all ports) needs persistent or fwmark, else each port may go to another server"
        if self.one_packet and self.protocol != ("udp",):
            yield "one-packet", f"one_packet: only UDP has packets without a connection, not {', '.join(self.protocol)}"
        if self.persistence_mask != NO_MASKS and not self.persistent:
            yield "persistence", "persistence_mask: has a meaning with persistent only: set its seconds"
        if self.persistence_engine and (not self.persistent or self.protocol != ("udp",)):
            yield "persistence", "persistence_engine: sip needs persistent and protocol: udp"
        if self.lower_threshold > self.upper_threshold:
            yield "thresholds", "lower_threshold: must not be above upper_threshold"
