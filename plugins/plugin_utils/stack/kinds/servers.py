# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind ``servers``: the hosts that do the work in the end. They are given only what the tier in front of them needs."""

from __future__ import annotations

import dataclasses

from ..hosts import Host
from ..model import Listener, Stack, Tier
from ..options import integer, listed, option, text


@dataclasses.dataclass(frozen=True, kw_only=True)
class Servers(Tier):
    """``port``: where the service listens; empty where that is for the tier in front to say. ``storage``: what they mount."""

    KIND = "servers"
    BACKENDS = ("storage",)
    BACKEND_OPTION = "storage"

    hosts: str = option(text)
    backend: str = ""
    """Not an option: nothing is sent on. What they need is storage."""
    state: str = "present"
    """Not an option: servers are prepared by, and put back with, the tier in front of them."""
    port: tuple[int, ...] = option(listed(integer(1, 65535)), ())

    storage: tuple[str, ...] = option(listed(text), ())

    @property
    def needs(self) -> tuple[str, ...]:
        return self.storage

    def listeners(self, stack: Stack, host: Host) -> tuple[Listener, ...]:
        asked = dict.fromkeys(pair for front in stack.fronts(self) for pair in front.asks(self.port))
        return tuple(Listener(protocol, port, addresses=host.written) for protocol, port in asked)

    def ports(self, stack: Stack) -> tuple[int, ...]:
        return self.port
