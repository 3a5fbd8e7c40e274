# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab, the web servers that clients are sent to, and the hosts that send them there."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import os
import pathlib
import sys
import typing as t

import pytest

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
sys.path[:0] = [str(PROJECT), str(PROJECT / "molecule" / "resources" / "tests"), str(pathlib.Path(__file__).parent)]

from frame import (  # noqa: E402, F401  # hooks and fixtures; needs the path above
    lab,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_sessionfinish,
    stage,
)
from redirects import TIERS, Redirects  # noqa: E402  # needs the path above
from web import Sites, running  # noqa: E402, F401  # a fixture; needs the path above

from lab.cluster import Lab  # noqa: E402  # needs the path above


@pytest.fixture(params=TIERS)
def redirects(request: pytest.FixtureRequest, lab: Lab) -> Redirects:  # noqa: F811  # the fixture
    """A tier of either engine at this stage."""
    return Redirects(lab, request.param, stage())


@pytest.fixture
def sites(running: Sites, redirects: Redirects) -> t.Iterator[Sites]:  # noqa: F811  # fixtures
    """The web servers by host, all up and known to be up when a test begins."""
    redirects.wait_for_all()
    yield running
    for site in running.values():
        site.recover()
