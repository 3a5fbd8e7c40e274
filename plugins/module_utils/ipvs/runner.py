# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ipvsadm`` as an object: listings in, commands out, and its refusals in words that say what to do."""

from __future__ import annotations

import typing as t

from ..system.command import Command, ProgramMissing, Result
from . import parse
from .model import Table
from .plan import Op


class IpvsError(Exception):
    """What a task fails with: one line for the user, and ``details`` that go into the module's result."""

    def __init__(self, text: str, **details: t.Any) -> None:
        super().__init__(" ".join(text.split()))
        self.details = details


class ToolMissing(IpvsError):
    """There is no ipvsadm on the host."""


class Live(t.NamedTuple):
    """The table as read, and what it has under way."""

    table: Table
    activity: dict[parse.Place, parse.Activity]


NO_KERNEL = "this kernel has no IPVS: install the kernel's modules, and see what 'modprobe ip_vs' says"
# What ipvsadm says, and what to do about it.
CURES = {
    "you must be root": "run the task as root (become: true)",
    "Operation not permitted": "run the task as root (become: true); a container also needs the capability NET_ADMIN",
    "Protocol not available": NO_KERNEL,
    "Can't initialize ipvs": NO_KERNEL,
    "Scheduler or persistence engine not found": "this kernel has no module for it (ip_vs_NAME): take another one, or "
    "install the kernel's modules",
    "Invalid operation": "an address must be unicast, lo must be up, and while a sync daemon runs no destination "
    "may be of another family than its service",
    "illegal weight": "this ipvsadm takes weights up to 65535 only",
}


def cure(said: str) -> str:
    """The known way out of what ipvsadm said, or nothing."""
    return next((f": {text}" for words, text in CURES.items() if words in said), "")


def words_of(result: Result) -> str:
    """What a failed ipvsadm said, in one line."""
    return " ".join((result.err or result.out).split()) or f"exit code {result.rc}"


class Ipvsadm:
    """Runs ``ipvsadm``. Mind that any call, even for help, loads the kernel's module ip_vs."""

    def __init__(self, command: Command) -> None:
        self._command = command

    def installed(self) -> bool:
        """Whether there is one. This runs it, too."""
        try:
            self.run("-Ln", "--timeout")
        except ToolMissing:
            return False
        return True

    def read(self) -> Live:
        """Two listings, as ``-Sn`` alone leaves the thresholds out."""
        activity = parse.numbers(self.listing("-Ln", "--thresholds"), parse.Activity)
        return Live(parse.table(self.listing("-Sn"), activity), activity)

    def listing(self, *arguments: str) -> str:
        """What a listing prints; raises ``IpvsError`` when there is none to be had."""
        result = self.run(*arguments)
        if result.rc != 0:
            said = words_of(result)
            raise IpvsError(f"ipvsadm {' '.join(arguments)} failed: {said}{cure(said)}")
        return result.out

    def write(self, ops: t.Sequence[Op]) -> Result:
        """One process for all. Of several commands only the last one's fate is told: read the table again."""
        if len(ops) == 1:
            return self.run(*ops[0].arguments)
        return self.run("-R", stdin="".join(" ".join(op.arguments) + "\n" for op in ops))

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        try:
            return self._command(["ipvsadm", *arguments], stdin)
        except ProgramMissing as error:
            raise ToolMissing("ipvsadm is not installed on this host: install the package ipvsadm") from error
