# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon as systemd sees it."""

from __future__ import annotations

import json
import typing as t

from ..system.command import Command
from .model import DaemonProblem

LINES = 20
"""How much of its journal an error shows."""
LOOKED_AT = 1000
_INFORMATION = 6
PATIENCE = 180
"""Seconds for what systemd is told to do: twice as long as it waits itself. A daemon that never ends a reload holds it up for ever."""
_TIMED_OUT = 124


class State(t.NamedTuple):
    """What systemd knows of a unit."""

    exists: bool
    active: bool
    enabled: bool


class Unit:
    """One unit. Every method raises ``DaemonProblem`` with systemd's words where it refuses."""

    def __init__(self, name: str, command: Command) -> None:
        self.name = name
        self._command = command

    def state(self) -> State:
        """Ask for it; changes nothing."""
        result = self._command(["systemctl", "show", "--property=LoadState,ActiveState,UnitFileState", self.name])
        if result.rc != 0:
            raise DaemonProblem(f"systemctl show {self.name} failed: {result.err.strip()}")
        values = dict(line.partition("=")[::2] for line in result.out.splitlines())
        return State(
            values.get("LoadState") == "loaded",
            values.get("ActiveState") in ("active", "reloading"),
            values.get("UnitFileState") == "enabled",
        )

    def do(self, *words: str) -> None:
        """``systemctl WORDS UNIT``."""
        try:
            self._systemctl(*words, self.name)
        except DaemonProblem:
            # A unit that systemd has unloaded since it stopped has no failures to forget.
            if words != ("reset-failed",):
                raise

    def read_unit_files(self) -> None:
        """Make systemd read its unit files again."""
        self._systemctl("daemon-reload")

    def now(self) -> str:
        """The end of the journal, for ``said``."""
        result = self._command(["journalctl", "--lines=0", "--show-cursor", "--quiet"])
        return result.out.rpartition("-- cursor: ")[2].strip()

    def said(self, since: str) -> str:
        """The last lines of the unit in the journal after the moment that ``now`` returned, without those about requests."""
        after = [f"--after-cursor={since}"] if since else []
        result = self._command(
            [
                "journalctl",
                f"--unit={self.name}",
                *after,
                f"--lines={LOOKED_AT}",
                "--output=json",
                "--no-pager",
                "--quiet",
            ]
        )
        entries = (json.loads(line) for line in result.out.splitlines())
        lines = [str(entry.get("MESSAGE", "")) for entry in entries if not _is_about_a_request(entry)]
        return "\n".join(lines[-LINES:]).strip()

    def _systemctl(self, *words: str) -> None:
        argv = ["systemctl", *words]
        result = self._command(["timeout", str(PATIENCE), *argv])
        if result.rc == _TIMED_OUT:
            raise DaemonProblem(f"{' '.join(argv)} has not ended after {PATIENCE} s: see systemctl list-jobs")
        if result.rc != 0:
            said = result.err.strip() or result.out.strip() or f"exit code {result.rc}"
            raise DaemonProblem(f"{' '.join(argv)} failed: {said}")


def _is_about_a_request(entry: t.Mapping[str, t.Any]) -> bool:
    """What a daemon logs by itself at this level; what it prints has the same one, but came another way."""
    return entry.get("_TRANSPORT") == "syslog" and int(entry.get("PRIORITY", 0)) >= _INFORMATION
