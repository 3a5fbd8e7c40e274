# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a running HAProxy, and what is wanted of one: pure values."""

from __future__ import annotations

import dataclasses

STATES = ("ready", "drain", "maint")
HIGHEST_WEIGHT = 256


class HaproxyProblem(Exception):
    """HAProxy cannot be asked, or refuses; the text says what is wrong and what to do."""


@dataclasses.dataclass(frozen=True)
class Server:
    """A server as the running process has it."""

    backend: str
    name: str
    address: str
    port: int
    state: str
    """What an administrator wants of it: one of ``STATES``."""
    weight: int
    up: bool
    """Whether it can serve, as its checks say."""
    backend_id: str = ""
    server_id: str = ""

    @property
    def place(self) -> str:
        """As commands name it."""
        return f"{self.backend}/{self.name}"

    def shown(self) -> dict[str, str | int]:
        """What a change is about; counters and checks are not."""
        return {"address": self.address, "port": self.port, "state": self.state, "weight": self.weight}


@dataclasses.dataclass(frozen=True)
class Load:
    """What goes on at a server: open sessions, and requests in its queue."""

    sessions: int
    queued: int

    @property
    def idle(self) -> bool:
        return self.sessions == 0 and self.queued == 0


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is wanted of a server; None leaves things as they are.

    ``state`` is one of ``STATES`` or ``absent``. With ``address``, a server that is not there is added.
    """

    backend: str
    name: str
    state: str | None = None
    weight: int | None = None
    address: str | None = None
    port: int | None = None
    check: bool = True
    words: tuple[str, ...] = ()
    shutdown: bool = False
    """End sessions that are still open when the time is over, or at once where there is none."""

    @property
    def place(self) -> str:
        """As commands name it."""
        return f"{self.backend}/{self.name}"
