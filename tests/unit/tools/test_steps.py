# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps beside the lab: they give way to it, and end with it."""

from __future__ import annotations

import threading
import time

import pytest
from tools import steps

WAITS = 'timeout 20 sh -c "until [ $(nice) = 19 ]; do :; done"'


def test_what_is_idle_gives_way() -> None:
    (outcome,) = steps.run_all([steps.tool("idle", ["sh", "-c", WAITS])], idle=True)
    assert outcome.count.passed == 1, outcome


def test_stop_ends_what_is_idle_and_what_would_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_stopped", threading.Event())
    many = [steps.tool(f"idle {number}", ["sleep", "60"]) for number in range(steps.WORKERS + 1)]
    begin = time.monotonic()
    running = threading.Thread(target=steps.run_all, args=(many,), kwargs={"idle": True})
    running.start()
    while len(steps._idle) < steps.WORKERS:
        assert time.monotonic() - begin < 20
    steps.stop()
    running.join(20)
    assert not running.is_alive() and time.monotonic() - begin < 40
