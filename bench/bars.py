# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of bars as an SVG: ``python bars.py PATH``, the figures as JSON on standard input (see drawing.py)."""

from __future__ import annotations

import json
import sys
import typing as t

import matplotlib

matplotlib.use("svg")
# text as text, and the same file for the same figures
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "mixed_lb", "font.size": 10})
from matplotlib import pyplot  # noqa: E402  # after the choice of the back end

COLOURS = ("#3b6fb5", "#e08a2e")
THICK = 0.8


def main(path: str) -> None:
    figures = json.load(sys.stdin)
    ways, rows = figures["ways"], figures["rows"]
    size = (3.1 * len(rows[0]), (0.6 + 0.42 * len(ways)) * len(rows))
    figure, grid = pyplot.subplots(len(rows), len(rows[0]), figsize=size, layout="constrained", squeeze=False)
    for panels, row in zip(grid, rows, strict=True):
        for panel, wanted in zip(panels, row, strict=True):
            _panel(panel, ways, wanted)
    named = next((panel for panel in grid.flat if len(panel.containers) > 1), None)
    if named:
        figure.legend(*named.get_legend_handles_labels(), loc="outside lower right", ncols=len(COLOURS), fontsize=9)
    figure.savefig(path, metadata={"Date": None})


def _panel(panel: t.Any, ways: list[str], wanted: dict[str, t.Any]) -> None:
    series = wanted["series"]
    thick = THICK / len(series)
    for number, ((name, values), colour) in enumerate(zip(series.items(), COLOURS, strict=False)):
        places = [place + (number + 0.5) * thick - THICK / 2 for place in range(len(ways))]
        bars = panel.barh(places, values, thick, color=colour, label=name)
        panel.bar_label(bars, labels=[_short(value) for value in values], padding=3, fontsize=8)
    first = panel.get_subplotspec().is_first_col()
    panel.set_yticks(range(len(ways)), ways if first else [""] * len(ways))
    panel.set_title(wanted["title"], fontsize=10)
    panel.margins(x=0.22)
    panel.spines[["top", "right"]].set_visible(False)
    panel.invert_yaxis()


def _short(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main(sys.argv[1])
