# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goes back to the configuration that a run replaced, by what the host itself has kept of it."""

from __future__ import annotations

from . import history
from .app import Host, Outcome, Wanted, apply
from .model import Record


def roll_back(scope: str, run: str, host: Host, *, check_only: bool = False) -> Outcome | None:
    """Bring back what the scope had before ``run``, as any other change: checked, reloaded, probed.

    None where there is nothing to go back to: no such scope, or what is there is not of that run, or nothing is kept from
    before. Raises ``DaemonProblem`` or ``FileProblem``; the daemon then runs as before.
    """
    record = history.current(scope, host.files)
    # one that was cut off while it went back has been put down with the run that it went to
    if record is None or (record.run != run and record.applied):
        return None
    target = before(history.earlier(scope, host.files), run)
    if target is None:
        return None
    return apply(Wanted.of(scope, target), host, check_only=check_only)


def before(kept: list[Record], run: str) -> Record | None:
    """The last of the kept configurations that is from before a run. Names of runs sort by time."""
    return next((one for one in reversed(kept) if one.run < run), None)
