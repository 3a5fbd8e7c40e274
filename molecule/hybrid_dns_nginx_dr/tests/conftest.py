# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole stack: its tiers as they are described, both pairs, and a client in front of everything."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import os
import pathlib
import sys
import typing as t

import pytest

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
sys.path[:0] = [str(PROJECT), str(PROJECT / "molecule" / "resources" / "tests"), str(pathlib.Path(__file__).parent)]

from browser import browse  # noqa: E402  # needs the path above
from clients import Clients, pytest_terminal_summary  # noqa: E402, F401  # needs the path above
from described import Described, Service  # noqa: E402  # needs the path above
from frame import (  # noqa: E402, F401  # hooks and fixtures; needs the path above
    lab,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    stack,
)
from pair import Pair  # noqa: E402  # needs the path above
from proxies import BACK, Proxies, front  # noqa: E402  # needs the path above
from waiting import until  # noqa: E402  # needs the path above

from lab.cluster import Lab  # noqa: E402  # needs the path above

# Requests for each real server until all have answered, whatever their weights.
ALL = 8


@pytest.fixture
def edges(lab: Lab, stack: Described) -> t.Iterator[Pair]:  # noqa: F811  # the fixtures
    """The proxies, both up and in agreement before and after each test."""
    made = Proxies(lab, ["edge1", "edge2"], [front(stack)])
    made.settle()
    yield made
    made.recover()


@pytest.fixture
def directors(lab: Lab, stack: Described) -> t.Iterator[Pair]:  # noqa: F811  # the fixtures
    """The directors, both up and in agreement before and after each test."""
    made = Pair(lab, ["lb1", "lb2"], stack.fronts)
    made.settle()
    yield made
    made.recover()


@pytest.fixture(scope="session", autouse=True)
def _in_service(lab: Lab, stack: Described) -> None:  # noqa: F811  # the fixtures
    """After a reboot the hosts are up before all real servers are in all pools again."""
    requests = [
        {"address": vip, "port": 80} for vip in front(stack)["vips"] for _turn in range(ALL * len(stack.real_servers))
    ]

    def who_serves() -> set[str]:
        return {answer.get("said", {}).get("server", "nobody") for answer in browse(lab, requests, all_answered=False)}

    until(who_serves, set(stack.real_servers), "all serve", BACK)


@pytest.fixture(scope="session")
def clients(lab: Lab, stack: Described) -> Clients:  # noqa: F811  # the fixtures
    """One client of the whole stack."""
    return Clients(lab, [Service("tcp", front(stack)["vips"][0], 80, "", 0)])
