# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Earlier configurations of a scope: each that a daemon has run with, until a later run replaced it."""

from __future__ import annotations

import typing as t

from ..system.files import FileStore
from .model import Record, record_from_json, record_to_json

FOLDER = "/var/lib/mixed_lb/daemon"
PRIVATE = 0o600


def path(scope: str) -> str:
    """Where a scope remembers what it laid down."""
    return f"{FOLDER}/{scope}.json"


def earlier(scope: str, files: FileStore) -> list[Record]:
    """The configurations from before, the oldest first. Raises ``DaemonProblem`` for a damaged one."""
    return [_read(f"{_folder(scope)}/{name}", files) for name in files.names(_folder(scope))]


def current(scope: str, files: FileStore) -> Record | None:
    """What the scope laid down last; None where there is no such scope. Raises ``DaemonProblem`` for a damaged record."""
    text = files.read(path(scope))
    return None if text is None else record_from_json(text, path(scope))


def keep(scope: str, record: Record, run: str, most: int, files: FileStore) -> None:
    """Keep what is replaced by what ``run`` brings, and of all ``most``.

    What one run changes twice, or somebody drains in between, is one configuration; so is one that came back.
    """
    names = files.names(_folder(scope))
    same = bool(run) and run == record.run
    if most and not same and not (names and _read(f"{_folder(scope)}/{names[-1]}", files).applied == record.applied):
        number = int(names[-1].removesuffix(".json")) + 1 if names else 1
        names = [*names, f"{number:06}.json"]
        files.write(f"{_folder(scope)}/{names[-1]}", record_to_json(record), PRIVATE)
    for name in names[: len(names) - most]:
        files.remove(f"{_folder(scope)}/{name}")


def forget(scope: str, files: FileStore) -> None:
    """Keep none."""
    for name in files.names(_folder(scope)):
        files.remove(f"{_folder(scope)}/{name}")


def runs(files: FileStore) -> dict[str, dict[str, t.Any]]:
    """By scope ``run``, which laid down what is there, and ``earlier``, those of what is kept, the oldest first."""
    found = {}
    for name in files.names(FOLDER):
        scope = name.removesuffix(".json")
        # a dot begins the name of a file that is being written
        record = current(scope, files) if name.endswith(".json") and not name.startswith(".") else None
        if record is not None:
            found[scope] = {"run": record.run, "earlier": [one.run for one in earlier(scope, files)]}
    return found


def _folder(scope: str) -> str:
    return f"{FOLDER}/{scope}.d"


def _read(where: str, files: FileStore) -> Record:
    return record_from_json(files.read(where) or "", where)
