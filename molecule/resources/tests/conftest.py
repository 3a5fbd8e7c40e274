# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verification of a stack with LVS in front."""

from __future__ import annotations

# pylint: disable=unused-import  # pytest finds hooks, fixtures and tests by their names
import os
import pathlib
import sys

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
sys.path[:0] = [str(PROJECT), str(pathlib.Path(__file__).parent)]

from frame import (  # noqa: E402, F401  # hooks and fixtures; needs the path above
    lab,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_sessionfinish,
    stack,
)
