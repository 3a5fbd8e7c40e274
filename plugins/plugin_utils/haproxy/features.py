# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the installed version lacks, said by name before anything changes."""

from __future__ import annotations

import typing as t

from ..packages import told, upstream

Options = t.Mapping[str, t.Any]

OLDEST = (2, 6)


class Needs(t.NamedTuple):
    """A feature: its name, and the version that has it."""

    feature: str
    version: tuple[int, int]


HASH_KEY = Needs("hash_key", (3, 0))
STICKY = Needs("balance sticky", (3, 0))
LOG_HASH = Needs("balance log-hash", (3, 0))
LOG_MODE = Needs("mode log", (3, 0))
NO_HASH = Needs("hash_type with the function none", (3, 0))


def check_version(options: Options) -> None:
    """Raises ``ValueError`` for a version that this role does not know."""
    version = upstream(options.get("version"), 2)
    if version and version < OLDEST:
        raise ValueError(f"HAProxy {options['version']} is too old: this role needs {told(OLDEST)} or later")


def require(where: str, need: Needs, options: Options) -> None:
    """Raises ``ValueError`` where the installed version (``options["version"]``) lacks what is needed."""
    version = upstream(options.get("version"), 2)
    if version and version < need.version:
        raise ValueError(
            f"{where}: {need.feature} needs HAProxy {told(need.version)}, and {options['version']} is installed"
        )
