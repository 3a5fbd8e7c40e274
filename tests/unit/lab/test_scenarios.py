# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a scenario fail, which ones run once more, and what is said of them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import pathlib
import subprocess
import sys
import time
import typing as t
from xml.etree import ElementTree

import pytest

PROGRAM = pathlib.Path(__file__).parents[3] / "lab" / "run-scenarios"
# Stand-ins for Molecule, of which each scenario is a script, and for the lab: they note what they are called with.
MOLECULE = '#!/bin/sh\necho "molecule $*" >>calls\n. "./$5.sh"\n'
LAB = 'import sys\nprint("lab", *sys.argv[1:], file=open("calls", "a"))\n'


@pytest.fixture
def program(tmp_path: pathlib.Path) -> t.Any:
    """The program, in a project of its own."""
    loader = importlib.machinery.SourceFileLoader("run_scenarios", str(PROGRAM))
    spec = importlib.util.spec_from_loader("run_scenarios", loader)
    assert spec is not None
    found: t.Any = importlib.util.module_from_spec(spec)
    loader.exec_module(found)
    frame = pathlib.Path("molecule", "resources", "vars", "labs.yml")
    (tmp_path / frame).parent.mkdir(parents=True)
    (tmp_path / frame).write_text((found.PROJECT / frame).read_text())
    found.PROJECT, found.LOGS = tmp_path, tmp_path / "logs"
    return found


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, program: t.Any) -> t.Any:
    """The program, with scenarios that fail as often as ``fails`` says."""
    found = program
    found.fails = {}

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


@pytest.fixture
def played(program: t.Any, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., list[str]]:
    """Plays scenarios, each of which is a script; returns the exit code and what was called."""
    place = program.PROJECT
    for path, text in (("bin/molecule", MOLECULE), ("lab/__main__.py", LAB)):
        (place / path).parent.mkdir()
        (place / path).write_text(text)
    (place / "bin/molecule").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}/bin:{os.environ['PATH']}")

    def play(**scripts: str) -> list[str]:
        for name, script in scripts.items():
            (place / f"{name}.sh").write_text(script)
        monkeypatch.setattr(sys, "argv", ["run-scenarios", *scripts])
        return [str(program.main()), *(place / "calls").read_text().splitlines()]

    return play


PASSES = "echo all is well"
TOOK = "molecule test --destroy always -s lvs_dr"
DOWN = "lab down lan"


def test_a_scenario_that_passes(played: t.Callable[..., list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert played(lvs_dr=PASSES) == ["0", TOOK]
    assert capsys.readouterr().out.endswith("scenarios: 1 passed, 0 failed\n")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'fatal: [lb1]: FAILED! => no such key'; echo more; exit 1", "fatal: [lb1]: FAILED! => no such key"),
        ("echo '1 test passed'; exit 1", "1 test passed"),
        ("echo 'Timeout (0:30:00)!'; echo 'line 3 in test'; echo 'CRITICAL failed'; exit 1", "line 3 in test"),
        ("echo side_effect; echo 'WARNING Missing playbook'", "a step of its sequence has no playbook"),
    ],
    ids=["says why", "does not", "hung", "a step is missing"],
)
def test_a_scenario_that_fails(
    played: t.Callable[..., list[str]], capsys: pytest.CaptureFixture[str], script: str, reason: str
) -> None:
    """Its lab goes, and at the end it is told why."""
    assert played(lvs_dr=script) == ["1", TOOK, DOWN]
    assert reason in capsys.readouterr().out


@pytest.mark.parametrize("limit", ["LIMIT", "UNTIL"])
def test_a_scenario_that_hangs_is_ended(
    program: t.Any, played: t.Callable[..., list[str]], capsys: pytest.CaptureFixture[str], limit: str
) -> None:
    """With all that it has started, and what it said last is told."""
    setattr(program, limit, 2 + (time.time() if limit == "UNTIL" else 0))
    begin = time.monotonic()
    assert played(lvs_dr="echo waiting; sleep 20 & wait") == ["1", TOOK, DOWN]
    assert time.monotonic() - begin < 15
    said = capsys.readouterr().out
    assert "ended, because its" in said and "waiting" in said


def test_scenarios_of_one_lab_share_it_until_one_fails(played: t.Callable[..., list[str]]) -> None:
    calls = played(lvs_dr=PASSES, dsr_behind_appliance="exit 1", teardown=PASSES)
    keeps = [word.removeprefix("molecule test --destroy ") for word in calls]
    assert keeps == ["1", "never -s lvs_dr", "never -s dsr_behind_appliance", DOWN, "always -s teardown"]


def test_results_and_notes_of_an_earlier_run_go(program: t.Any, played: t.Callable[..., list[str]]) -> None:
    stale = [program.PROJECT / path for path in (".cache/junit/lvs_dr-1.xml", ".ansible/tmp/molecule.a.lvs_dr/state")]
    for path in stale:
        path.parent.mkdir(parents=True)
        path.touch()
    played(lvs_dr=PASSES)
    assert not any(path.exists() for path in stale)


def test_each_scenario_is_a_test(program: t.Any, played: t.Callable[..., list[str]]) -> None:
    """Also one that fails before its own tests begin; what passed the second time says so."""
    once = "test -e been_here || { touch been_here; exit 1; }"
    assert played(lvs_dr=PASSES, redirect="exit 1", lvs_tun=once)[0] == "1"
    cases = ElementTree.parse(program.PROJECT / ".cache/junit/scenarios.xml").getroot().findall("testcase")
    assert {case.get("name"): case.find("failure") is None for case in cases} == {
        "lvs_dr": True,
        "redirect": False,
        "lvs_tun": True,
    }
    notes = [note.get("value", "") for case in cases for note in case.iter("property")]
    assert len(notes) == 1 and "lvs_tun: passed only when it ran once more" in notes[0]
