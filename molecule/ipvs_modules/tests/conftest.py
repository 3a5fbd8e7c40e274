# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps as they are written, and what converge.yml kept of taking them."""

from __future__ import annotations

import json
import os
import pathlib
import time
import typing as t

import pytest
import yaml

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SCENARIO = pathlib.Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
SCENARIOS = PROJECT / ".lab" / "scenarios"
HOSTS = sorted(yaml.safe_load((SCENARIOS / "ipvs_modules.yml").read_text())["all"]["hosts"])

Step = dict[str, t.Any]


def written() -> dict[str, Step]:
    """Every step by the name that its results have."""
    found = {}
    for path in sorted((SCENARIO / "steps").glob("*.yml")):
        for step in yaml.safe_load(path.read_text())["steps"]:
            found[f"{path.stem}: {step['name']}"] = step
    return found


@pytest.fixture(scope="session")
def steps() -> dict[str, Step]:
    """The same, for tests."""
    return written()


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the result of every verification: there are two."""
    folder = PROJECT / ".cache" / "junit"
    folder.mkdir(parents=True, exist_ok=True)
    config.option.xmlpath = str(folder / f"ipvs_modules-{time.time_ns()}.xml")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `taken` runs for each step on each host."""
    if "taken" not in metafunc.fixturenames:
        return
    results = {host: json.loads((SCENARIOS / "ipvs_modules.results" / f"{host}.json").read_text()) for host in HOSTS}
    steps = written()
    pairs = [(name, host) for name in steps for host in HOSTS]
    metafunc.parametrize(
        ("step", "taken"),
        [(steps[name], results[host][name]) for name, host in pairs],
        ids=[f"{host} {name}" for name, host in pairs],
    )
