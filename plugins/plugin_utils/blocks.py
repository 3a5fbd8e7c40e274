# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration made of lines and blocks in braces, as keepalived and nginx read it."""

from __future__ import annotations

import typing as t

Items = t.Sequence["str | Block"]


class Raw(str):
    """A line that is written as it is."""

    __slots__ = ()


class Block(t.NamedTuple):
    """``head { body }``."""

    head: str
    body: Items


def render(items: Items, end: str = "", depth: int = 0) -> str:
    """The text; ``end`` is what closes a line, but for comments, raw and empty ones."""
    indent = "    " * depth
    lines = []
    for item in items:
        if isinstance(item, Block):
            lines.append(f"{indent}{item.head} {{\n{render(item.body, end, depth + 1)}{indent}}}\n")
        elif not item or item.startswith("#") or isinstance(item, Raw):
            lines.append(f"{indent}{item}".rstrip() + "\n")
        else:
            lines.append(f"{indent}{item}{end}\n")
    return "".join(lines)


def optional(
    options: t.Mapping[str, t.Any], words: t.Mapping[str, str], form: t.Callable[[t.Any], str] = str
) -> list[str]:
    """A line ``word value`` for each option that is set, in the order of ``words``, which maps options to words."""
    return [f"{word} {form(options[name])}" for name, word in words.items() if options.get(name) not in (None, "")]


def listing(head: str, lines: t.Iterable[str]) -> list[Block]:
    """A block of these lines, or nothing where there are none."""
    body = list(lines)
    return [Block(head, body)] if body else []


def wanted(entries: t.Iterable[t.Mapping[str, t.Any]] | None) -> list[t.Mapping[str, t.Any]]:
    """The entries of a list whose ``state`` is not ``absent``."""
    return [entry for entry in entries or () if entry.get("state", "present") != "absent"]
