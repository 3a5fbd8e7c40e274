# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change on a host, from what is wanted, what is remembered and what is there. No I/O."""

from __future__ import annotations

import dataclasses
import typing as t

from .model import DaemonProblem, File, Files, Record

EVERYBODY = 0o004
"""What not everybody may read is not shown either."""


class Change(t.NamedTuple):
    """A file that is written (``after``) or removed (``after`` is None)."""

    path: str
    before: File | None
    after: File | None

    def diff(self) -> dict[str, str]:
        """The change as Ansible shows it; of a secret only that it changes."""
        secret = any(file is not None and (file.secret or not file.mode & EVERYBODY) for file in self[1:])
        return {
            "before_header": self.path,
            "after_header": self.path,
            "before": _shown(self.before, "before", secret=secret),
            "after": _shown(self.after, "after", secret=secret),
        }


def check_scopes(scope: str, wanted: Files, others: t.Mapping[str, Record]) -> list[str]:
    """Two scopes may want the same file, but not two versions of it. Raises ``DaemonProblem`` naming both.

    Returns a warning for each shared file that another scope laid down otherwise: it is either about to follow, or wrong.
    """
    warnings = []
    for other, record in others.items():
        for path in sorted(wanted.keys() & record.files.keys()):
            if _as_wanted(record.files[path], wanted[path]):
                continue
            if not wanted[path].shared:
                raise DaemonProblem(f"{path}: {scope} and {other} want it differently. Only one of them may have it")
            warnings.append(
                f"{path} is now as {scope} wants it; {other} laid it down differently."
                f" Give both the same global settings, and run the role for {other} too"
            )
    return warnings


def paths(wanted: Files, record: Record) -> list[str]:
    """The files to look at: those that are wanted, and those that the scope laid down before."""
    return sorted({*wanted, *record.files})


def plan(
    wanted: Files, record: Record, others: t.Mapping[str, Record], there: t.Mapping[str, File | None]
) -> tuple[Change, ...]:
    """What is to be written and removed; what other scopes want of it stays. ``there`` has every path of ``paths``."""
    theirs = {path for other in others.values() for path in other.files}
    changes = []
    for path in paths(wanted, record):
        if path in wanted:
            after: File | None = wanted[path]
        elif path in theirs:
            continue
        else:
            after = record.originals.get(path)
        if not _as_wanted(there[path], after):
            changes.append(Change(path, there[path], after))
    # What is new first, what goes last: a daemon that somebody reloads in between finds every file that another names.
    return tuple(sorted(changes, key=lambda change: (change.after is None, change.before is not None)))


def originals(
    wanted: Files, record: Record, others: t.Mapping[str, Record], there: t.Mapping[str, File | None]
) -> dict[str, File | None]:
    """What each wanted file was before any scope touched it."""
    known: dict[str, File | None] = {}
    for other in others.values():
        known |= other.originals
    known |= record.originals
    return {path: known[path] if path in known else there[path] for path in wanted}


def _as_wanted(now: File | None, wanted: File | None) -> bool:
    """Whether a file is as it shall be; on disk nothing says which are secret, kept or shared."""
    if now is None or wanted is None:
        return now is wanted
    return wanted.keep or dataclasses.replace(now, secret=wanted.secret, keep=False, shared=wanted.shared) == wanted


def _shown(file: File | None, side: str, *, secret: bool) -> str:
    if file is None:
        return ""
    head = f"({file.owner}:{file.group} {file.mode:04o})\n"
    return head + (f"(secret, {side})\n" if secret else file.content)
