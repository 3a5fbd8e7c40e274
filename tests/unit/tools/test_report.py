# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last line of ./test counts what happened, and nothing that did not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.report import Count, Outcome, of_suite, summary

CASES = {
    "passed": "<testcase/>",
    "failed": "<testcase><failure/></testcase>",
    "error": "<testcase><error/></testcase>",
    "skipped": "<testcase><skipped>no Python</skipped></testcase>",
    "empty": "<testcase><skipped>No tests applicable.</skipped></testcase>",
    "noted": "<testcase><properties><property name='note' value='a busy day'/></properties></testcase>",
}


def junit(folder: Path, *cases: str) -> Path:
    file = folder / "junit.xml"
    file.write_text(f"<testsuites><testsuite>{''.join(CASES[case] for case in cases)}</testsuite></testsuites>")
    return file


@pytest.mark.parametrize(
    ("exit_code", "cases", "count"),
    [
        (0, ["passed", "passed", "skipped"], Count(2, 0, 1)),
        (1, ["passed", "failed", "error"], Count(1, 2, 0)),
        (0, ["passed", "empty"], Count(1, 0, 0)),
        (0, ["noted", "passed"], Count(2, 0, 0, ("a busy day",))),
        (1, ["passed"], Count(1, 1, 0)),
        (0, [], Count(0, 1, 0)),
    ],
    ids=["all well", "failures", "nothing to test", "a note", "exit code alone", "nothing ran"],
)
def test_suite(tmp_path: Path, exit_code: int, cases: list[str], count: Count) -> None:
    assert of_suite(exit_code, [junit(tmp_path, *cases)]) == count


def test_a_file_that_was_cut_off_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text("<testsuites><testca")
    assert of_suite(0, [tmp_path / "junit.xml"]) == Count(failed=1)


def test_a_suite_that_left_no_file_is_a_failure(tmp_path: Path) -> None:
    assert of_suite(0, [tmp_path / "junit.xml"]) == Count(failed=1)


def test_the_total_stands_alone_on_the_last_line() -> None:
    text = summary([Outcome("one", 1.0, Count(3, 1, 0, ("a busy day",))), Outcome("two", 2.0, Count(1, 0, 2))], 3.0)
    assert text.splitlines()[-3:] == ["a busy day", "", "4 passed, 1 failed, 2 skipped"]
    assert "failed: one" in text.splitlines()


def test_what_failed_is_told_before_the_table() -> None:
    outcomes = [
        Outcome("one", 1.0, Count(3, 1, 0), ("one | E  assert",)),
        Outcome("two", 2.0, Count(1), ("two | fine",)),
    ]
    lines = summary(outcomes, 3.0).splitlines()
    assert lines.index("one | E  assert") < lines.index("step  seconds  result")
    assert "two | fine" not in lines
