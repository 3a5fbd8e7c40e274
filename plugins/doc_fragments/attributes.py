# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules promise to support."""

from __future__ import annotations


class ModuleDocFragment:
    """Use as C(mixed_lb.stack.attributes), or C(mixed_lb.stack.attributes.info) for a module that only reads."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Predicts what would change, and changes nothing, also on a host where nothing is installed yet.
    support: full
  diff_mode:
    description: Shows what changed, or would change.
    support: full
  platform:
    description: Operating systems that the module runs on.
    platforms: linux
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Reads only, so there is nothing to compare.
    support: N/A
  platform:
    description: Operating systems that the module runs on.
    platforms: linux
    support: full
"""
