# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The new configuration, checked by the daemon's own program at its real paths before it is anywhere on the host.

The folders are copied, the copies changed, and the program runs in a mount namespace of its own in which they lie over
the real ones. So includes, relative paths and files of other owners are all checked as the daemon will read them.
"""

from __future__ import annotations

import re
import typing as t

from ..system.command import Command
from ..system.files import FileStore
from .model import Check, DaemonProblem
from .plan import Change

# Arguments: COPY FOLDER ... -- PROGRAM ...
_OVERLAY = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 125; shift 2; done; shift; exec "$@"'


def check(
    checks: t.Sequence[Check], folders: t.Sequence[str], changes: t.Sequence[Change], command: Command, files: FileStore
) -> None:
    """Raises ``DaemonProblem`` with the program's words where it refuses; the host is untouched either way."""
    with files.copies(folders) as copies:
        for change in changes:
            copy = _in_copy(change.path, copies)
            if copy is None:
                continue
            if change.after is None:
                files.remove(copy)
            else:
                file = change.after
                files.write(copy, file.content, file.mode, file.owner, file.group)
        pairs = [word for folder, copy in copies.items() for word in (copy, folder)]
        for each in checks:
            _run(each, pairs, command)


def _run(check: Check, pairs: list[str], command: Command) -> None:
    overlay = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", _OVERLAY, "sh", *pairs, "--"]
    result = command([*overlay, *check.argv])
    said = "\n".join(text for text in (result.err.strip(), result.out.strip()) if text)
    if result.rc != 0 or (check.refuses and re.search(check.refuses, said)):
        raise DaemonProblem(
            f"{' '.join(check.argv)} refuses the new configuration (exit code {result.rc}), nothing was changed:\n{said}"
        )


def _in_copy(path: str, copies: t.Mapping[str, str]) -> str | None:
    for folder, copy in copies.items():
        if path.startswith(folder + "/"):
            return copy + path[len(folder) :]
    return None
