# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab, the web servers, the pair in front of them, and clients of its VIPs."""

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
from described import Service  # noqa: E402  # needs the path above
from frame import (  # noqa: E402, F401  # hooks and fixtures; needs the path above
    lab,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    stage,
)
from proxies import Proxies, tiers, wait_for  # noqa: E402  # needs the path above
from web import Sites, running  # noqa: E402, F401  # a fixture; needs the path above

from lab.cluster import Lab  # noqa: E402  # needs the path above


@pytest.fixture
def sites(lab: Lab, running: Sites) -> t.Iterator[Sites]:  # noqa: F811  # fixtures
    """The web servers by host, all up and known to be up when a test begins."""
    wait_for(lab, set(running))
    yield running
    for site in running.values():
        site.recover()


@pytest.fixture
def pair(lab: Lab, sites: Sites) -> t.Iterator[Proxies]:  # noqa: F811  # the fixture
    """The hosts of the proxies, both up and in agreement before and after each test."""
    made = Proxies(lab, ["edge1", "edge2"], tiers(stage()))
    made.settle()
    yield made
    made.recover()


@pytest.fixture(scope="session")
def clients(lab: Lab) -> Clients:  # noqa: F811  # the fixture
    """A client of each tier: all their requests pass one host, which has to keep up with them."""
    return Clients(lab, [Service("tcp", tier["vips"][0], tier["port"], "", 0) for tier in tiers(stage())])
