# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scopes remember: a file ``SCOPE.json`` each, in a folder for each kind of thing."""

from __future__ import annotations

import typing as t

from .files import FileStore

R = t.TypeVar("R")


def of_all_scopes(folder: str, store: FileStore, parse: t.Callable[[str, str], R]) -> dict[str, R]:
    """The records in a folder by scope. ``parse`` makes one of a text and the path that it came from."""
    found = {}
    for name in store.names(folder):
        # A dot begins the name of a file that is being written.
        text = store.read(f"{folder}/{name}") if name.endswith(".json") and not name.startswith(".") else None
        if text is not None:
            found[name.removesuffix(".json")] = parse(text, f"{folder}/{name}")
    return found
