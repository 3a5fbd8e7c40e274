# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all verifications share: the lab, the stack as it is described at this stage, and a client that asks."""

from __future__ import annotations

import os
import pathlib
import sys
import time

import pytest
import yaml

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
sys.path[:0] = [str(PROJECT), str(pathlib.Path(__file__).parent)]

from described import Described  # noqa: E402  # needs the path above

from lab import cluster  # noqa: E402  # needs the path above


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marks, and keeps the result of every verification: a scenario has several."""
    config.addinivalue_line("markers", "modes(*names): only for stacks in these modes")
    config.addinivalue_line("markers", "kinds(*names): only where such a tier is in front")
    config.addinivalue_line("markers", "stage(name): only for this desired state")
    folder = PROJECT / ".cache" / "junit"
    folder.mkdir(parents=True, exist_ok=True)
    config.option.xmlpath = str(folder / f"{SCENARIO}-{time.time_ns()}.xml")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is about another mode or stage: it does not exist here, so it is not skipped."""
    stack = Described(PROJECT, SCENARIO)

    def concerns(item: pytest.Item) -> bool:
        here = {"modes": stack.mode, "kinds": stack.front["kind"], "stage": stack.stage}
        marks = ((item.get_closest_marker(name), value) for name, value in here.items())
        return all(mark is None or value in mark.args for mark, value in marks)

    config.hook.pytest_deselected(items=[item for item in items if not concerns(item)])
    items[:] = [item for item in items if concerns(item)]


@pytest.fixture(scope="session")
def stack() -> Described:
    """The stack as the inventory describes it."""
    return Described(PROJECT, SCENARIO)


@pytest.fixture(scope="session")
def lab() -> cluster.Lab:
    """The running lab."""
    labs = yaml.safe_load((PROJECT / "molecule" / "resources" / "vars" / "labs.yml").read_text())
    return cluster.Lab(PROJECT / ".lab" / labs["scenario_labs"][SCENARIO])
