# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scenarios run once more, and what is said of them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import time
import typing as t

import pytest

PROGRAM = pathlib.Path(__file__).parents[3] / "lab" / "run-scenarios"


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> t.Any:
    """The program, with scenarios that fail as often as ``fails`` says."""
    loader = importlib.machinery.SourceFileLoader("run_scenarios", str(PROGRAM))
    spec = importlib.util.spec_from_loader("run_scenarios", loader)
    assert spec is not None
    found: t.Any = importlib.util.module_from_spec(spec)
    loader.exec_module(found)
    frame = pathlib.Path("molecule", "resources", "vars", "labs.yml")
    (tmp_path / frame).parent.mkdir(parents=True)
    (tmp_path / frame).write_text((found.PROJECT / frame).read_text())
    found.PROJECT, found.LOGS, found.fails = tmp_path, tmp_path / "logs", {}

    def run(scenario: str, keep: bool) -> bool:
        (found.LOGS / f"{scenario}.log").write_text(
            f"{1:{found.CLOCK}.1f} fatal: [lb1]: {found.fails.get(scenario)} more times"
        )
        found.fails[scenario] = found.fails.get(scenario, 0) - 1
        found.TAKEN[scenario] = 10.0
        return bool(found.fails[scenario] < 0)

    found.run = run
    monkeypatch.setattr(subprocess, "run", lambda *_words, **_options: None)
    return found


@pytest.mark.parametrize(
    ("names", "fails", "code", "end"),
    [
        ((), {}, 0, "0 failed"),
        ((), {"lvs_ha": 1}, 0, "0 failed; passed only when they ran once more, alone: lvs_ha"),
        ((), {"lvs_ha": 2, "redirect": 1}, 1, "1 failed: lvs_ha; passed only when they ran once more, alone: redirect"),
        (
            (),
            dict.fromkeys(["lvs_ha", "redirect", "lvs_dr", "lvs_tun"], 1),
            1,
            "4 failed: redirect, lvs_ha, lvs_dr, lvs_tun",
        ),
        (("lvs_ha",), {"lvs_ha": 1}, 1, "1 failed: lvs_ha"),
    ],
    ids=["all pass", "a busy machine", "a fault beside it", "too many", "alone from the beginning"],
)
def test_who_failed_beside_others_runs_once_more(
    runner: t.Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    names: tuple[str, ...],
    fails: dict[str, int],
    code: int,
    end: str,
) -> None:
    """And that it did, and why, is told."""
    monkeypatch.setattr(sys, "argv", ["run-scenarios", *names])
    runner.fails = dict(fails)
    assert runner.main() == code
    said = capsys.readouterr().out
    assert said.splitlines()[-1].endswith(f" {end}")
    assert all(f"scenario {name}: why it failed" in said for name in fails)


def test_nothing_runs_again_where_no_time_is_left(
    runner: t.Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever ended it in the middle would not learn why it failed."""
    monkeypatch.setattr(sys, "argv", ["run-scenarios"])
    runner.fails, runner.UNTIL = {"lvs_ha": 1}, time.time() + 5
    assert runner.main() == 1
    said = capsys.readouterr().out
    assert "lvs_ha: why it failed" in said and "lvs_ha: no time is left" in said
