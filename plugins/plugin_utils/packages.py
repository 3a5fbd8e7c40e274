# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of packages, as far as they say what a program can do."""

from __future__ import annotations

import re
import typing as t


def upstream(version: str | None, count: int) -> tuple[int, ...] | None:
    """The first ``count`` numbers of the program's own version: of ``1:1.22.1-9+deb12u1`` three are (1, 22, 1).

    None where the text does not begin with as many.
    """
    found = re.match(r"(?:\d+:)?" + r"\.".join([r"(\d+)"] * count), version or "")
    return tuple(map(int, found.groups())) if found else None


def told(version: t.Iterable[int]) -> str:
    """Numbers as people write a version."""
    return ".".join(map(str, version))
