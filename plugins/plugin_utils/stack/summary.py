# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as a table for people."""

from __future__ import annotations

from .model import Plan


def summary(plan: Plan) -> list[str]:
    """Lines: a heading for every step, in order, then its hosts."""
    lines = []
    for number, step in enumerate(plan.steps, start=1):
        lines.append(f"{number}. {step.name} [{', '.join(step.parts)}]")
        lines += [f"     {line}" for line in step.about]
    return lines
