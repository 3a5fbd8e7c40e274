# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what is about to come true."""

from __future__ import annotations

import time
import typing as t

PATIENCE = 30
PAUSE = 0.1


def until(look: t.Callable[[], object], wanted: object, what: str, patience: float = PATIENCE) -> None:
    """Returns when ``look`` sees what is wanted; fails with what it saw last."""
    deadline = time.monotonic() + patience
    while (seen := look()) != wanted:
        assert time.monotonic() < deadline, f"after {patience} s not {what}: {seen}"
        time.sleep(PAUSE)
