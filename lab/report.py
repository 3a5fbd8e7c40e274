# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress on standard error: what is done now, and how long it took."""

from __future__ import annotations

import contextlib
import sys
import time
import typing as t

_start = time.monotonic()


def say(text: str) -> None:
    """One line, with the seconds since the program's start."""
    print(f"{time.monotonic() - _start:7.1f} s  {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text: str) -> t.Iterator[None]:
    """Says what begins and, at its end, how long it took."""
    say(f"{text} ...")
    begin = time.monotonic()
    yield
    say(f"{text}: {time.monotonic() - begin:.1f} s")
