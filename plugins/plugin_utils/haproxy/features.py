# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the installed version lacks, said by name before anything changes."""

from __future__ import annotations

import re
import typing as t

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


def version_of(text: str | None) -> tuple[int, int] | None:
    """Major and minor of a package version such as ``2.6.12-1+deb12u2``; None where it is not known."""
    found = re.match(r"(?:\d+:)?(\d+)\.(\d+)", text or "")
    return (int(found[1]), int(found[2])) if found else None


def check_version(options: Options) -> None:
    """Raises ``ValueError`` for a version that this role does not know."""
    version = version_of(options.get("version"))
    if version and version < OLDEST:
        raise ValueError(f"HAProxy {options['version']} is too old: this role needs {_told(OLDEST)} or later")


def require(where: str, need: Needs, options: Options) -> None:
    """Raises ``ValueError`` where the installed version (``options["version"]``) lacks what is needed."""
    version = version_of(options.get("version"))
    if version and version < need.version:
        raise ValueError(
            f"{where}: {need.feature} needs HAProxy {_told(need.version)}, and {options['version']} is installed"
        )


def _told(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
