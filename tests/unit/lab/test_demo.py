# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks the demo for something else does not get the demo."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.mixed_lb.stack.lab import demo


@pytest.mark.parametrize(
    ("word", "code", "says"), [("--help", 0, "--keep"), ("--kep", 2, "unrecognized"), ("x", 2, "x")]
)
def test_other_words_start_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, code: int, says: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["demo", word])
    monkeypatch.setattr(demo, "find", lambda _name: pytest.fail("it began"))
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == code and says in "".join(capsys.readouterr())
