# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a part: bars, drawn by matplotlib in an environment of its own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import typing as t

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = HERE.parent / ".cache" / "bench" / "venv" / "bin" / "python"


class Panel(t.TypedDict):
    """A group of bars for each way; ``series``: by name, empty where it is the only one, a number for each way."""

    title: str
    series: dict[str, list[float]]


class Figures(t.TypedDict):
    """``ways``: what is compared; ``rows``: the panels of the picture, as many in each row."""

    ways: list[str]
    rows: list[list[Panel]]


def draw(path: pathlib.Path, figures: Figures) -> None:
    """Write an SVG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "MPLCONFIGDIR": str(PYTHON.parents[2] / "matplotlib")}
    argv = [str(PYTHON), str(HERE / "bars.py"), str(path)]
    subprocess.run(argv, input=json.dumps(figures), env=environment, text=True, check=True)
