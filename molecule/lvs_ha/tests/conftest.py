# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab, the stack at this stage, and the frame's own helpers."""

from __future__ import annotations

import os
import pathlib
import sys
import time

import pytest

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
sys.path[:0] = [str(PROJECT), str(PROJECT / "molecule" / "resources" / "tests"), str(pathlib.Path(__file__).parent)]

from described import Described  # noqa: E402  # needs the path above
from pair import Pair  # noqa: E402  # needs the path above

from lab import cluster  # noqa: E402  # needs the path above


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the result of every verification: a scenario has several."""
    config.addinivalue_line("markers", "stage(name): only for this desired state")
    folder = PROJECT / ".cache" / "junit"
    folder.mkdir(parents=True, exist_ok=True)
    config.option.xmlpath = str(folder / f"{SCENARIO}-{time.time_ns()}.xml")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is about another stage: it does not exist here, so it is not skipped."""
    stage = Described(PROJECT, SCENARIO).stage
    marks = {item: item.get_closest_marker("stage") for item in items}
    config.hook.pytest_deselected(items=[item for item, mark in marks.items() if mark and stage not in mark.args])
    items[:] = [item for item, mark in marks.items() if not mark or stage in mark.args]


@pytest.fixture(scope="session")
def stack() -> Described:
    """The stack as the inventory describes it."""
    return Described(PROJECT, SCENARIO)


@pytest.fixture(scope="session")
def lab() -> cluster.Lab:
    """The running lab."""
    return cluster.Lab(PROJECT / ".lab" / "pair")


@pytest.fixture
def pair(lab: cluster.Lab, stack: Described) -> Pair:
    """The directors, both up and in agreement before and after each test."""
    made = Pair(lab, ["lb1", "lb2"], stack.fronts)
    made.settle()
    yield made
    made.recover()
    made.settle()
