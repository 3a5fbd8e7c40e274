# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failed makes ./test fail, whatever it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from tools import __main__ as program
from tools import steps, suites
from tools.report import Count

GOOD, BAD = Count(passed=2), Count(passed=1, failed=1)


def raising(_shell: steps.Shell) -> Count:
    raise subprocess.CalledProcessError(1, "git")


@pytest.mark.parametrize(
    ("made", "code", "total"),
    [
        ([lambda shell: GOOD, lambda shell: GOOD], 0, "4 passed, 0 failed, 0 skipped"),
        ([lambda shell: BAD, lambda shell: GOOD], 1, "3 passed, 1 failed, 0 skipped"),
        ([raising, lambda shell: GOOD], 1, "2 passed, 1 failed, 0 skipped"),
    ],
    ids=["all well", "a failure", "an error"],
)
@pytest.mark.parametrize("words", [["unit"], ["drills"], ["molecule", "lvs_dr"]], ids=lambda words: words[0])
def test_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    made: list[t.Callable[[steps.Shell], Count]],
    code: int,
    total: str,
) -> None:
    monkeypatch.setattr(program, "SIMPLE", {"unit": lambda: [steps.Step(str(run), run) for run in made]})
    monkeypatch.setattr(suites, "drills", lambda: steps.Step("drills", made[0]))
    monkeypatch.setattr(suites, "molecule", lambda names: steps.Step(f"{names}", made[0]))
    assert program.main(words) == code
    said = capsys.readouterr().out
    assert words != ["unit"] or said.splitlines()[-1] == total


def test_what_is_not_understood_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["unit", "lvs_dr"]) == 2
    assert "not understood" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("commands", "count"),
    [
        ([["true"], ["true"]], Count(passed=1)),
        ([["false"], ["true"]], Count(failed=1)),
        ([["true"], ["false"]], Count(failed=1)),
        ([["no-such-program"], ["true"]], Count(failed=1)),
    ],
    ids=["all well", "the first", "the last", "missing"],
)
def test_a_tool_is_all_of_its_commands(commands: list[list[str]], count: Count) -> None:
    assert steps.run_one(steps.tool("tool", *commands)).count == count


@pytest.mark.parametrize(
    ("code", "left", "count"),
    [(0, "<testcase/>", Count(passed=1)), (1, "<testcase/>", Count(1, 1)), (0, "", Count(failed=1))],
    ids=["all well", "exit code alone", "nothing ran"],
)
def test_scenarios_are_what_they_left_and_their_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, left: str, count: Count
) -> None:
    """Results of an earlier run are none."""
    (tmp_path / "earlier-1.xml").write_text("<testsuite><testcase/><testcase/></testsuite>")

    def run(argv: list[object]) -> int:
        assert str(argv[0]).endswith("lab/run-scenarios") and argv[1:] == ["lvs_dr"]
        (tmp_path / "lvs_dr-1.xml").write_text(f"<testsuite>{left}</testsuite>")
        return code

    monkeypatch.setattr(suites, "JUNIT", tmp_path)
    monkeypatch.setattr(suites, "passthrough", run)
    assert steps.run_one(suites.molecule(["lvs_dr"])).count == count


def test_the_exit_code_of_a_program_is_passed_on() -> None:
    assert [steps.passthrough(["sh", "-c", f"exit {code}"]) for code in (0, 3)] == [0, 3]


def test_a_program_that_hangs_is_ended_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells where it was, and what it has started is not waited for."""
    monkeypatch.setattr(steps, "UNTIL", time.time() + 2)
    monkeypatch.setattr(steps, "GRACE", 1)
    shell, begin = steps.Shell("step"), time.monotonic()
    hangs = "import subprocess; print('begun', flush=True); subprocess.run(['sleep', '20'])"
    assert shell.call([sys.executable, "-X", "faulthandler", "-c", hangs]) == -signal.SIGABRT
    assert time.monotonic() - begin < 15
    said = "\n".join(shell.last)
    assert "step | begun" in said and "the time is over" in said and "most recent call first" in said
