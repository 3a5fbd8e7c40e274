# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names: without a final dot and in lower case everywhere, relative to their zone in the data."""

from __future__ import annotations

import re

_LABEL = re.compile(r"(?:\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)\Z")


def absolute(name: str) -> str:
    """A whole name as it is used here; raises ``ValueError`` if it is none."""
    result = name.lower().removesuffix(".")
    labels = result.split(".")
    if len(result) > 253 or not all(map(_LABEL.match, labels)) or "*" in labels[1:]:
        raise ValueError(f"{name!r} is no domain name")
    return result


def label(name: str, zone: str) -> str:
    """The whole name of an entry in ``zone``: ``@`` is the zone itself, one with a final dot is whole already."""
    if name == "@":
        return zone
    result = absolute(name if name.endswith(".") else f"{name}.{zone}")
    if result != zone and not result.endswith(f".{zone}"):
        raise ValueError(f"{name!r} is not in the zone {zone}")
    return result
