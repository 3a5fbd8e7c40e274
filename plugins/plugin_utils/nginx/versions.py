# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version of nginx can do, so that a feature it lacks is refused by name."""

from __future__ import annotations

import typing as t

from ..packages import told, upstream

SINCE: t.Mapping[str, tuple[int, int, int]] = {
    "HTTP/3": (1, 25, 0),
    "resolve": (1, 27, 3),
    "least_time": (1, 31, 0),
}
"""Features that are an error below this version."""
HTTP2_DIRECTIVE = (1, 25, 1)
KEEPALIVE_MIN_TIMEOUT = (1, 27, 4)
KEEPALIVE_BY_ITSELF = (1, 29, 7)
"""From here on connections to servers are kept unless the configuration says otherwise, and below it 0 is refused."""
STICKY = (1, 29, 6)
"""Also the parameter ``drain``. Below it, sessions are kept by a cookie of our own and a consistent hash."""


def parsed(version: str) -> tuple[int, ...]:
    """``1.22.1-9+deb12u1`` or ``1:1.22.1`` as numbers."""
    found = upstream(version, 3)
    if found is None:
        raise ValueError(f"{version!r} is no version of nginx")
    return found


def need(feature: str, version: tuple[int, ...], where: str) -> None:
    """Raises ``ValueError`` where ``version`` lacks the feature."""
    since = SINCE[feature]
    if version < since:
        raise ValueError(f"{where}: {feature} needs nginx {told(since)}, and the host has {told(version)}")
