# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host has booted when the kernel says that it is another one, and not when nobody knew which it was before."""

from __future__ import annotations

import types
from pathlib import Path

import pytest
from ansible_collections.mixed_lb.stack.lab import cluster


class Lab(cluster.Lab):
    """Whose host says these words when it is asked for its boot; an empty one: it does not answer."""

    def __init__(self, *said: str) -> None:
        super().__init__(Path())
        self.said, self.commands = list(said), list[str]()
        self.access.forget = lambda _name: None

    def run(self, name: str, command: str, check: bool = True) -> str:
        self.commands.append(command)
        if not command.endswith("boot_id"):
            return ""
        if not (word := self.said.pop(0)) and check:
            raise cluster.LabError(f"{name} does not answer")
        return f"{word}\n"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "time", types.SimpleNamespace(sleep=lambda _time: None, monotonic=lambda: 0))


def test_it_is_waited_for_until_it_has_booted() -> None:
    lab = Lab("one", "one", "", "two")
    lab.reboot(["lb1"])
    assert lab.said == []


def test_one_that_does_not_say_which_boot_it_is_is_not_rebooted() -> None:
    lab = Lab("", "one")
    with pytest.raises(cluster.LabError):
        lab.reboot(["lb1"])
    assert "systemctl reboot" not in lab.commands
