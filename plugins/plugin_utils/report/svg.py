# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphviz' SVG as part of a page: it takes the page's width and colours."""

from __future__ import annotations

import re

_BEGIN = re.compile(r'<svg width="(?P<width>\d+)pt" height="\d+pt"')
_COLOURS = re.compile(r' (fill|stroke)="(?!none)[^"]*"')
_COMMENTS = re.compile(r"<!--.*?-->\n?", re.DOTALL)
POINT = 4 / 3
"""Pixels of CSS."""


def stack_svg(text: str) -> str:
    """The ``svg`` element alone, as wide as its place but not wider than drawn. Raises ``ValueError`` where there is none."""
    found = _BEGIN.search(text)
    if found is None:
        raise ValueError("Graphviz gave no SVG")
    width = round(int(found["width"]) * POINT)
    head = f'<svg role="img" aria-label="The tiers of the stack" style="max-width: {width}px"'
    return _COLOURS.sub("", _COMMENTS.sub("", head + text[found.end() :])).strip()
