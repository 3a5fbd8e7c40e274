# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of directors in service, their clients, and the playbooks of operations."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import os
import pathlib
import sys
import typing as t

import pytest

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
sys.path[:0] = [str(PROJECT), str(PROJECT / "molecule" / "resources" / "tests"), str(pathlib.Path(__file__).parent)]

from clients import Clients, pytest_terminal_summary  # noqa: E402, F401  # needs the path above
from described import Described  # noqa: E402  # needs the path above
from frame import (  # noqa: E402, F401  # hooks and fixtures; needs the path above
    lab,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    stack,
)
from operations import Operations  # noqa: E402  # needs the path above
from pair import Pair  # noqa: E402  # needs the path above

from lab.cluster import Lab  # noqa: E402  # needs the path above


@pytest.fixture
def pair(lab: Lab, stack: Described) -> t.Iterator[Pair]:  # noqa: F811  # the fixtures
    """The directors, in agreement and with full pools before and after each test."""
    made = Pair(lab, ["lb1", "lb2"], stack.fronts)
    made.settle()
    made.wait_for_pools()
    yield made
    made.recover()


@pytest.fixture
def operations(pair: Pair) -> t.Iterator[Operations]:
    """Nobody is drained before and after each test."""
    made = Operations(pair.lab)
    yield made
    for host in made.drained():
        made.play("undrain", lb_host=host)


@pytest.fixture(scope="session")
def clients(lab: Lab, stack: Described) -> Clients:  # noqa: F811  # the fixtures
    """A client of each VIP."""
    return Clients(lab, [one for one in stack.services if one.protocol == "tcp"])
