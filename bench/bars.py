# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of bars as an SVG: ``python bars.py PATH``, the figures as JSON on standard input (see drawing.py)."""

from __future__ import annotations

import json
import sys

import matplotlib

matplotlib.use("svg")
# text as text, and the same file for the same figures
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "mixed_lb", "font.size": 11})
from matplotlib import pyplot  # noqa: E402  # after the choice of the back end

COLOURS = ("#3b6fb5", "#e08a2e")


def main(path: str) -> None:
    figures = json.load(sys.stdin)
    ways, series = figures["ways"], figures["series"]
    figure, panels = pyplot.subplots(1, len(series), figsize=(4.4 * len(series), 3.2), layout="constrained")
    for panel, (name, values), colour in zip(panels, series.items(), COLOURS, strict=False):
        bars = panel.barh(ways[::-1], values[::-1], color=colour)
        panel.bar_label(bars, fmt="%.2f", padding=3)
        panel.set(title=f"{name} replies", xlabel=figures["unit"])
        panel.margins(x=0.18)
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(figures["title"])
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1])
