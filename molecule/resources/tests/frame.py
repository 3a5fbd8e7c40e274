# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios of a role alone share: results that are kept, tests that belong to a stage, the lab."""

from __future__ import annotations

import os
import pathlib
import time

import pytest
import yaml

from lab.cluster import Lab

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]


def stage() -> str:
    """The desired state that the hosts are in: first or second."""
    return (PROJECT / ".lab" / "scenarios" / f"{SCENARIO}.stage").read_text().strip()


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the result of every verification: a scenario has several."""
    config.addinivalue_line("markers", "stage(name): only for this desired state")
    folder = PROJECT / ".cache" / "junit"
    folder.mkdir(parents=True, exist_ok=True)
    config.option.xmlpath = str(folder / f"{SCENARIO}-{time.time_ns()}.xml")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is about another stage: it does not exist here, so it is not skipped."""
    now = stage()
    marks = {item: item.get_closest_marker("stage") for item in items}
    config.hook.pytest_deselected(items=[item for item, mark in marks.items() if mark and now not in mark.args])
    items[:] = [item for item, mark in marks.items() if not mark or now in mark.args]


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The running lab."""
    labs = yaml.safe_load((PROJECT / "molecule" / "resources" / "vars" / "labs.yml").read_text())
    return Lab(PROJECT / ".lab" / labs["scenario_labs"][SCENARIO])
