# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of figures, for the terminal and for docs/benchmarks.md alike."""

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


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if unit == "" else f"{value:.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def markdown(rows: t.Sequence[Row]) -> str:
    """A table whose columns also line up on a terminal."""
    cells = [["What", "Median", "Bound", "", "Rule"]]
    cells += [[row.name, _number(row.value, row.unit), _number(row.bound, row.unit), row.met, row.rule] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    cells.insert(1, ["-" * width for width in widths])
    return "".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |\n"
        for line in cells
    )
