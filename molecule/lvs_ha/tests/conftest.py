# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab, the stack at this stage, and the frame's own helpers."""

from __future__ import annotations

import os
import pathlib
import sys
import time
import typing as t

import pytest

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
# In the lab's own folder, which ends with the lab.
PROVED = PROJECT / ".lab" / "pair" / f"{SCENARIO}.proved"
sys.path[:0] = [str(PROJECT), str(PROJECT / "molecule" / "resources" / "tests"), str(pathlib.Path(__file__).parent)]

from clients import REPORT, Clients  # noqa: E402  # needs the path above
from described import Described  # noqa: E402  # needs the path above
from pair import Pair  # noqa: E402  # needs the path above

from lab import cluster  # noqa: E402  # needs the path above


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the result of every verification: a scenario has several."""
    config.addinivalue_line("markers", "stage(name): only for this desired state")
    config.addinivalue_line("markers", "once: not again after the reboot")
    folder = PROJECT / ".cache" / "junit"
    folder.mkdir(parents=True, exist_ok=True)
    config.option.xmlpath = str(folder / f"{SCENARIO}-{time.time_ns()}.xml")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is about another stage: it does not exist here, so it is not skipped. So what is not told again."""
    stage = Described(PROJECT, SCENARIO).stage
    again = PROVED.exists() and PROVED.read_text() == stage

    def concerns(item: pytest.Item) -> bool:
        mark = item.get_closest_marker("stage")
        return (mark is None or stage in mark.args) and not (again and item.get_closest_marker("once"))

    config.hook.pytest_deselected(items=[item for item in items if not concerns(item)])
    items[:] = [item for item in items if concerns(item)]


def pytest_sessionfinish(exitstatus: int) -> None:
    """Remembers the stage that has been proved, for the verification after the reboot."""
    if exitstatus == 0 and "MOLECULE_FILE" in os.environ:
        PROVED.write_text(Described(PROJECT, SCENARIO).stage)


@pytest.fixture(scope="session")
def stack() -> Described:
    """The stack as the inventory describes it."""
    return Described(PROJECT, SCENARIO)


@pytest.fixture(scope="session")
def lab() -> cluster.Lab:
    """The running lab."""
    return cluster.Lab(PROJECT / ".lab" / "pair")


@pytest.fixture
def pair(lab: cluster.Lab, stack: Described) -> t.Iterator[Pair]:
    """The directors, both up and in agreement before and after each test."""
    made = Pair(lab, ["lb1", "lb2"], stack.fronts)
    made.settle()
    yield made
    made.recover()


@pytest.fixture(scope="session")
def clients(lab: cluster.Lab, stack: Described) -> Clients:
    """Clients of every tier."""
    return Clients(lab, stack)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What clients saw: the longest gap, and how many requests failed."""
    terminalreporter.section("longest time without an answer")
    for line in REPORT:
        terminalreporter.line(line)
