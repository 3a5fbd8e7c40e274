# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting what passed: one test of pytest, ansible-test or a scenario counts one, and so does a tool without tests."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path
from xml.etree import ElementTree


@dataclasses.dataclass(frozen=True)
class Count:
    """How many tests passed, failed and were skipped, and what is to be known of any of them."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: tuple[str, ...] = ()

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.notes + other.notes,
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A step that has ended: its name, wall time in seconds, counts, and the last lines that it said."""

    name: str
    seconds: float
    count: Count
    last: tuple[str, ...] = ()


def of_tool(exit_code: int) -> Count:
    """A tool that has no tests of its own is one test."""
    return Count(passed=1) if exit_code == 0 else Count(failed=1)


def of_suite(exit_code: int, files: t.Iterable[Path]) -> Count:
    """The sum over JUnit files, believed only as far as the exit code agrees with them.

    An exit code other than 0 without a failed test is a failure of its own, and so is a suite that ran nothing.
    """
    count = sum((of_junit(file) for file in files), Count())
    if (exit_code != 0 and count.failed == 0) or count == Count():
        return count + Count(failed=1)
    return count


def of_junit(file: Path) -> Count:
    """Count the ``testcase`` elements of a JUnit file, the tally in its head left aside. A broken file is a failure."""
    try:
        cases = ElementTree.parse(file).getroot().iter("testcase")
    except (ElementTree.ParseError, OSError):
        return Count(failed=1)
    return sum((_of_case(case) for case in cases), Count())


def _of_case(case: ElementTree.Element) -> Count:
    if case.find("failure") is not None or case.find("error") is not None:
        return Count(failed=1)
    if (skipped := case.find("skipped")) is not None:
        # ansible-test says so of a test for files of a kind that the collection does not have: it is no test then.
        return Count() if skipped.text == "No tests applicable." else Count(skipped=1)
    notes = case.iterfind("properties/property[@name='note']")
    return Count(passed=1, notes=tuple(note.get("value", "") for note in notes))


def summary(outcomes: t.Sequence[Outcome], seconds: float) -> str:
    """What failed steps said last, a table of all, the failed ones by name, notes, and at last the total alone on its line."""
    width = max((len(outcome.name) for outcome in outcomes), default=0)
    lines = [line for outcome in outcomes if outcome.count.failed for line in ("", *outcome.last)]
    lines += ["", f"{'step':{width}}  {'seconds':>7}  result"]
    lines += [f"{step.name:{width}}  {step.seconds:7.1f}  {step.count}" for step in outcomes]
    lines += [f"{'all':{width}}  {seconds:7.1f}"]
    if failed := [outcome.name for outcome in outcomes if outcome.count.failed]:
        lines += ["", "failed: " + ", ".join(failed)]
    count = total(outcomes)
    lines += ["", *count.notes] if count.notes else []
    return "\n".join([*lines, "", str(count)])


def total(outcomes: t.Iterable[Outcome]) -> Count:
    """The sum over all steps."""
    return sum((outcome.count for outcome in outcomes), Count())
