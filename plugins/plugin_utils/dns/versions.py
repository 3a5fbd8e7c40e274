# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version of PowerDNS lacks. It says nothing about options of its checks that it does not know, it ignores them."""

from __future__ import annotations

import re
import typing as t

from ..blocks import wanted
from ..packages import told, upstream

Options = t.Mapping[str, t.Any]

CHECK_OPTIONS = {
    "timeout": (4, 2),
    "source": (4, 2),
    "useragent": (4, 2),
    "stringmatch": (4, 2),
    "byteslimit": (4, 9),
    "interval": (5, 0),
    "minimumFailures": (5, 0),
    "failOnIncompleteCheck": (5, 0),
    "httpcode": (5, 0),
}
"""Options of ``ifportup`` and ``ifurlup``, with the version that has them."""
OURS = ("selector", "backupSelector")
FUNCTIONS = {
    "pickchashed": (4, 9),
    "picknamehashed": (4, 9),
    "pickselfweighted": (5, 0),
    "pickallweighted": (5, 0),
    **{name: version for name, version in CHECK_OPTIONS.items() if version > (4, 2)},
}
"""Words in a user's own Lua, with the version that has them."""


def problems(options: Options, version: str) -> list[str]:
    """What ``version`` (as in ``4.7.3-2``) cannot do of what is wanted, a sentence each."""
    has = upstream(version, 2)
    if has is None:
        raise ValueError(f"{version!r} is no version of PowerDNS")
    found = []
    for zone in wanted(options["zones"]):
        for it in wanted(zone.get("balanced")):
            where = f"zone {zone['name']}, balanced {it.get('name', '@')}"
            found += [f"{where}: {each}" for each in _check(it.get("check") or {}, has)]
        for it in wanted(zone.get("records")):
            if it["type"].upper() == "LUA":
                where = f"zone {zone['name']}, record {it.get('name', '@')} of type LUA"
                found += [f"{where}: {each}" for value in it["values"] for each in _snippet(value, has)]
    return found


def _check(check: Options, has: tuple[int, ...]) -> list[str]:
    found = []
    for option in check.get("options") or {}:
        if option in OURS:
            found.append(f"check.options: {option} is set by the role; answer and when_down say it")
        elif option not in CHECK_OPTIONS:
            found.append(
                f"check.options: no known version of PowerDNS has {option}, it would be ignored without a word;"
                f" there are {', '.join(CHECK_OPTIONS)}"
            )
        elif CHECK_OPTIONS[option] > has:
            found.append(f"check.options: {option} {_needs(CHECK_OPTIONS[option], has)}")
    return found


def _snippet(code: str, has: tuple[int, ...]) -> list[str]:
    found = [
        f"{word} {_needs(version, has)}"
        for word, version in FUNCTIONS.items()
        if version > has and re.search(rf"\b{word}\b\s*[=(]", code)
    ]
    if re.search(r"[sS]elector\s*=\s*['\"]empty['\"]", code) and has < (5, 0):
        found.append(f"the selector empty {_needs((5, 0), has)}")
    return found


def _needs(version: tuple[int, int], has: tuple[int, ...]) -> str:
    return (
        f"needs PowerDNS {told(version)}; {told(has)}, which this host has, would ignore it or fail."
        " Leave it out, or install a newer package"
    )
