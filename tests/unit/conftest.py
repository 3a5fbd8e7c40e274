# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection under its real name: ``ansible_collections.mixed_lb.stack``, for every test below."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = ROOT / ".ansible/collections/ansible_collections/mixed_lb/stack"

# pyproject.toml puts .ansible/collections on the path; ./test makes this link too, but pytest may be called by itself.
if not LINK.is_symlink():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to("../../../..")

# What is tested there never meets ansible-core, but for tests that say so by their marks.
PURE = tuple(ROOT / "tests/unit" / name for name in ("bench", "lab", "meta", "tools", "plugins/plugin_utils"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs another Python to say something else, not another ansible-core."""
    for item in items:
        met = item.get_closest_marker("core") or item.get_closest_marker("plays")
        if not met and any(item.path.is_relative_to(folder) for folder in PURE):
            item.add_marker("pure")


# A loaded machine is no failure, and what failed once is to be found in the same way again.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")
