# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab, its servers, and the proxies, each of which every test looks at."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import os
import pathlib
import sys
import typing as t

import pytest
import yaml

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
sys.path[:0] = [str(PROJECT), str(PROJECT / "molecule" / "resources" / "tests"), str(pathlib.Path(__file__).parent)]

from edge import EDGES, Edge  # noqa: E402  # needs the path above
from frame import (  # noqa: E402, F401  # hooks and fixtures; needs the path above
    SCENARIO,
    lab,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_sessionfinish,
    stage,
)
from web import Sites, running  # noqa: E402, F401  # a fixture; needs the path above

from lab.cluster import Lab  # noqa: E402  # needs the path above


@pytest.fixture(scope="session")
def described() -> dict[str, t.Any]:
    """The variables of the role at this stage, with its defaults."""
    defaults: dict[str, t.Any] = yaml.safe_load((PROJECT / "roles/nginx_lb/defaults/main.yml").read_text())
    first: dict[str, t.Any] = yaml.safe_load((PROJECT / "inventories" / SCENARIO / "group_vars/edge.yml").read_text())
    second = yaml.safe_load((PROJECT / "molecule" / SCENARIO / "vars/second.yml").read_text())
    return {**defaults, **first, **(second if stage() == "second" else {})}


@pytest.fixture(scope="session")
def edges(lab: Lab, running: Sites) -> list[Edge]:  # noqa: F811  # fixtures
    """The proxies, which have found out that all servers are up."""
    made = [Edge(lab, name) for name in EDGES]
    for edge in made:
        edge.settle()
    return made


@pytest.fixture(params=EDGES)
def edge(edges: list[Edge], request: pytest.FixtureRequest) -> Edge:
    """One proxy after the other: each has another release of Debian."""
    return next(edge for edge in edges if edge.name == request.param)


@pytest.fixture
def sites(running: Sites, edges: list[Edge]) -> t.Iterator[Sites]:  # noqa: F811  # fixtures
    """The servers by host, for tests that make them ill; afterwards all are well, and every proxy knows."""
    yield running
    for site in running.values():
        site.recover()
    for edge in edges:
        edge.settle()
