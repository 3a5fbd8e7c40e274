# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot units of our own: installed, enabled and removed without ever starting or stopping anything."""

from __future__ import annotations

import dataclasses

from .command import Command
from .files import FileStore

FOLDER = "/etc/systemd/system"
ENABLED = f"{FOLDER}/multi-user.target.wants"


@dataclasses.dataclass(frozen=True)
class Unit:
    """A unit file. ``name`` carries its suffix; ``content`` must say ``WantedBy=multi-user.target``."""

    name: str
    content: str

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.name}"


class UnitProblem(Exception):
    """systemctl refused; the text holds its own words."""


class Units:
    """Units of a host. A call that finds everything as it should be starts no program."""

    def __init__(self, command: Command, files: FileStore) -> None:
        self._command = command
        self._files = files

    def install(self, unit: Unit, *, check: bool = False) -> bool:
        """Write and enable the unit for the next boot; returns whether anything differed. ``check`` only compares."""
        stale = self._files.read(unit.path) != unit.content
        enabled = self._is_enabled(unit.name)
        if check or not (stale or not enabled):
            return stale or not enabled
        if stale:
            self._files.write(unit.path, unit.content)
            self._systemctl("daemon-reload")
        if not enabled:
            self._systemctl("enable", unit.name)
        return True

    def remove(self, name: str, *, check: bool = False) -> bool:
        """Disable and delete the unit; what it once set up stays. Returns whether there was anything to remove."""
        exists = self._files.read(f"{FOLDER}/{name}") is not None
        enabled = self._is_enabled(name)
        if check or not (exists or enabled):
            return exists or enabled
        if exists:
            # --now clears the "active (exited)" state; a oneshot without ExecStop= leaves the live system alone.
            self._systemctl("disable", "--now", name)
            self._files.remove(f"{FOLDER}/{name}")
        elif enabled:
            self._files.remove(f"{ENABLED}/{name}")  # a dangling link: systemctl would not find the unit
        self._systemctl("daemon-reload")
        return True

    def _is_enabled(self, name: str) -> bool:
        return self._files.is_link(f"{ENABLED}/{name}")

    def _systemctl(self, *words: str) -> None:
        argv = ["systemctl", *words]
        result = self._command(argv)
        if result.rc != 0:
            said = result.err.strip() or result.out.strip() or f"exit code {result.rc}"
            raise UnitProblem(f"{' '.join(argv)} failed: {said}")
