# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collection whose roles only say that they were called."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.plugins.action.stand_ins import with_stand_ins


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where Ansible finds it."""
    return with_stand_ins(tmp_path_factory.mktemp("collections"))
