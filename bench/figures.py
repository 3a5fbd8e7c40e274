# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as Markdown tables whose columns also line up on a terminal."""

from __future__ import annotations

import dataclasses
import statistics
import typing as t


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure; `bound` is what it may be at most, and `rule` says how that comes about."""

    name: str
    value: float
    bound: float | None = None
    rule: str = ""
    unit: str = "s"

    @property
    def met(self) -> str:
        if self.bound is None:
            return ""
        return "met" if self.value <= self.bound else "NOT MET"


def median(values: t.Iterable[float]) -> float:
    return statistics.median(values)


def number(value: float | None, unit: str = "") -> str:
    """With three digits at least where there are as many; empty for None."""
    if value is None:
        return ""
    if unit == "" or value >= 100:
        return f"{value:,.0f} {unit}".rstrip()
    return f"{value:.2f} {unit}"


def markdown(rows: t.Sequence[Row]) -> str:
    """Figures with their bounds, one a line."""
    lines = [[row.name, number(row.value, row.unit), number(row.bound, row.unit), row.met, row.rule] for row in rows]
    return grid(["What", "Median", "Bound", "", "Rule"], lines)


def grid(head: t.Sequence[str], lines: t.Sequence[t.Sequence[str]]) -> str:
    """A table of any columns."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    cells = [head, ["-" * width for width in widths], *lines]
    return "".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |\n"
        for line in cells
    )
