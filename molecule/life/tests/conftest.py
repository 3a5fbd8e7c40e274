# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts for balancers, two real servers, and stacks that come, change and go."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import os
import pathlib
import sys

import pytest

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
RESOURCES = PROJECT / "molecule" / "resources"
sys.path[:0] = [str(PROJECT), str(RESOURCES), str(RESOURCES / "tests"), str(pathlib.Path(__file__).parent)]

from clients import pytest_terminal_summary  # noqa: E402, F401  # needs the path above
from frame import (  # noqa: E402, F401  # hooks and fixtures; needs the path above
    lab,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_sessionfinish,
)
from life import Life  # noqa: E402  # needs the path above

from lab.cluster import Lab  # noqa: E402  # needs the path above


@pytest.fixture(scope="session")
def life(lab: Lab) -> Life:  # noqa: F811  # the fixture
    """The playbooks, over hosts that are virgin at first."""
    return Life(lab)
