# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first hybrid in service, clients in front of it, and what has to be so after each drill."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import os
import pathlib
import sys
import typing as t

import pytest

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
RESOURCES = PROJECT / "molecule" / "resources"
HYBRID = PROJECT / "molecule" / "hybrid_dns_nginx_dr" / "tests"
sys.path[:0] = [
    *map(str, (PROJECT, RESOURCES, RESOURCES / "tests", pathlib.Path(__file__).parent)),
    str(HYBRID),
]

from clients import pytest_terminal_summary  # noqa: E402, F401  # needs the path above
from described import Described  # noqa: E402  # needs the path above
from frame import (  # noqa: E402, F401  # hooks and fixtures; needs the path above
    lab,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    stack,
)
from load import Load  # noqa: E402  # needs the path above
from whole import Whole  # noqa: E402  # needs the path above

from lab.cluster import Lab  # noqa: E402  # needs the path above


@pytest.fixture(scope="session")
def made(lab: Lab, stack: Described) -> Whole:  # noqa: F811  # the fixtures
    """The stack, as the scenario's converge left it."""
    found = Whole(lab, stack)
    found.remember()
    return found


@pytest.fixture
def whole(made: Whole) -> t.Iterator[Whole]:
    """The stack before a drill; after it, nothing may be left of that."""
    yield made
    made.check()


@pytest.fixture(scope="session")
def load(lab: Lab, stack: Described) -> Load:  # noqa: F811  # the fixtures
    """Its clients."""
    return Load(lab, stack)
