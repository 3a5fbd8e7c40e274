# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab, its servers, and the proxies, each of which every test looks at."""

from __future__ import annotations

import os
import pathlib
import sys
import time
import typing as t

import pytest
import yaml

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
NOTES = PROJECT / ".lab" / "scenarios"
STAGE = (NOTES / f"{SCENARIO}.stage").read_text().strip()
sys.path[:0] = [str(PROJECT), str(pathlib.Path(__file__).parent)]

from edge import Edge  # noqa: E402  # needs the path above
from servers import Server  # noqa: E402  # needs the path above

from lab import cluster  # noqa: E402  # needs the path above

CERTIFICATES = {"web1": "one.example", "web2": "a.two.example"}


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the result of every verification: a scenario has several."""
    config.addinivalue_line("markers", "stage(name): only for this desired state")
    folder = PROJECT / ".cache" / "junit"
    folder.mkdir(parents=True, exist_ok=True)
    config.option.xmlpath = str(folder / f"{SCENARIO}-{time.time_ns()}.xml")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is about another stage: it does not exist here, so it is not skipped."""
    marks = {item: item.get_closest_marker("stage") for item in items}
    config.hook.pytest_deselected(items=[item for item, mark in marks.items() if mark and STAGE not in mark.args])
    items[:] = [item for item, mark in marks.items() if not mark or STAGE in mark.args]


@pytest.fixture(scope="session")
def described() -> dict[str, t.Any]:
    """The variables of the role at this stage, with its defaults."""
    folder = pathlib.Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
    defaults: dict[str, t.Any] = yaml.safe_load((PROJECT / "roles/nginx_lb/defaults/main.yml").read_text())
    first: dict[str, t.Any] = yaml.safe_load((PROJECT / "inventories" / SCENARIO / "group_vars/edge.yml").read_text())
    second = yaml.safe_load((folder / "vars/second.yml").read_text())
    return {**defaults, **first, **(second if STAGE == "second" else {})}


@pytest.fixture(scope="session")
def lab() -> cluster.Lab:
    """The running lab."""
    labs = yaml.safe_load((PROJECT / "molecule" / "resources" / "vars" / "labs.yml").read_text())
    return cluster.Lab(PROJECT / ".lab" / labs["scenario_labs"][SCENARIO])


@pytest.fixture(scope="session")
def servers(lab: cluster.Lab) -> t.Iterator[dict[str, Server]]:
    """What is behind the proxies, and the places that clients are sent to."""
    made = {
        name: Server(lab, name, NOTES / f"{SCENARIO}.tls" / CERTIFICATES[name] if name in CERTIFICATES else None)
        for name in ("web1", "web2", "web3", "place1", "place2")
    }
    for server in made.values():
        server.start()
    yield made
    for server in made.values():
        server.stop()


@pytest.fixture(scope="session")
def edges(lab: cluster.Lab, servers: dict[str, Server]) -> list[Edge]:
    """The proxies, which have found out that all servers are up."""
    made = [Edge(lab, name) for name in ("edge1", "edge2")]
    for edge in made:
        edge.settle()
    return made


@pytest.fixture(params=["edge1", "edge2"])
def edge(edges: list[Edge], request: pytest.FixtureRequest) -> Edge:
    """One proxy after the other: each has another release of Debian."""
    return next(edge for edge in edges if edge.name == request.param)
