# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all verifications share: results that are kept, tests that belong to a state, the lab."""

from __future__ import annotations

import functools
import os
import pathlib
import time
import typing as t

import pytest
import yaml
from described import Described

from lab.cluster import Lab

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
LABS = yaml.safe_load((PROJECT / "molecule" / "resources" / "vars" / "labs.yml").read_text())["scenario_labs"]
# In the lab's own folder, which ends with the lab.
PROVED = PROJECT / ".lab" / LABS.get(SCENARIO, SCENARIO) / f"{SCENARIO}.proved"
MARKS = (
    "modes(*names): only for stacks in these modes",
    "kinds(*names): only where such a tier is in front",
    "stage(name): only for this desired state",
    "once: not again after the reboot",
    "thorough: only where scenarios are named to ./test",
)


@functools.cache
def described() -> Described:
    """The stack as the inventory describes it at this stage."""
    return Described(PROJECT, SCENARIO)


def stage() -> str:
    """The desired state that the hosts are in: first or second."""
    return (PROJECT / ".lab" / "scenarios" / f"{SCENARIO}.stage").read_text().strip()


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marks, and keeps the result of every verification: a scenario has several."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    folder = PROJECT / ".cache" / "junit"
    folder.mkdir(parents=True, exist_ok=True)
    config.option.xmlpath = str(folder / f"{SCENARIO}-{time.time_ns()}.xml")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is about another state: it does not exist here, so it is not skipped. So what is not told again."""
    again = PROVED.exists() and PROVED.read_text() == stage()
    here = {"stage": stage, "modes": lambda: described().mode, "kinds": lambda: described().front["kind"]}

    def concerns(item: pytest.Item) -> bool:
        marks = {name: item.get_closest_marker(name) for name in here}
        fits = all(mark is None or here[name]() in mark.args for name, mark in marks.items())
        left_out = {"once": again, "thorough": not os.environ.get("LAB_THOROUGH")}
        return fits and not any(out and item.get_closest_marker(name) for name, out in left_out.items())

    config.hook.pytest_deselected(items=[item for item in items if not concerns(item)])
    items[:] = [item for item in items if concerns(item)]


def pytest_sessionfinish(exitstatus: int) -> None:
    """Remembers the stage that has been proved, for the verification after the reboot."""
    if exitstatus == 0 and "MOLECULE_FILE" in os.environ:
        PROVED.write_text(stage())


@t.runtime_checkable
class Witness(t.Protocol):
    """A fixture that knows what its hosts have said."""

    def journals(self) -> dict[str, str]: ...


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> t.Generator[None, pytest.TestReport, pytest.TestReport]:
    """With what has failed go the journals of those that it was about: the lab is gone afterwards."""
    report = yield
    # a fixture may be another one's object
    witnesses = {one for one in getattr(item, "funcargs", {}).values() if isinstance(one, Witness)}
    for witness in witnesses if report.failed else ():
        report.sections += [(f"journal of {host}", text) for host, text in witness.journals().items()]
    return report


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The running lab."""
    return Lab(PROJECT / ".lab" / LABS[SCENARIO])


@pytest.fixture(scope="session")
def stack() -> Described:
    """The stack as the inventory describes it."""
    return described()
