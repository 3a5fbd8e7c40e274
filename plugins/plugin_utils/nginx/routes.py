# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choice of an upstream by header, cookie or argument."""

from __future__ import annotations

import typing as t

from ..blocks import Block, wanted
from .proxy import protocol_of
from .upstreams import group
from .values import Context, Options, cookie, quoted, variable, word


def routes(
    it: Options, name: str, upstreams: t.Mapping[str, Options], context: Context, where: str
) -> tuple[list[Block], str, list[Options]]:
    """Choice by header or cookie: the maps, what to pass to, and all upstreams that it may be.

    Each rule falls through to the next one's variable, and the last to the location's own upstream.
    """
    otherwise = group(it["upstream"], context)
    targets = [find(it["upstream"], upstreams, where)]
    maps: list[Block] = []
    rules = wanted(it.get("routes"))
    for number, rule in reversed(list(enumerate(rules, 1))):
        target = context.label(name, "route", str(number))
        more, key = _key(rule, f"{target}_cookie", where)
        targets.append(find(rule["upstream"], upstreams, where))
        match = quoted("~" + rule["regex"]) if rule.get("regex") else quoted(rule["value"])
        maps += [
            *more,
            Block(f"map {key} ${target}", [f"default {otherwise}", f"{match} {group(rule['upstream'], context)}"]),
        ]
        otherwise = f"${target}"
    kinds = {protocol_of(target) for target in targets}
    if len(kinds) > 1:
        raise ValueError(
            f"{where}: its upstreams must all be spoken to in the same way, not by {' and '.join(sorted(kinds))}"
        )
    return maps, otherwise, targets


def find(name: str, upstreams: t.Mapping[str, Options], where: str) -> Options:
    """The upstream of this name; raises ``ValueError`` where there is none."""
    if name not in upstreams:
        known = ", ".join(sorted(upstreams)) or "none at all"
        raise ValueError(f"{where}: there is no upstream {name} in nginx_lb_upstreams, which has {known}")
    return upstreams[name]


def _key(rule: Options, label: str, where: str) -> tuple[list[Block], str]:
    """The variable that a rule looks at, after the map that it needs."""
    by = [name for name in ("header", "cookie", "argument") if rule.get(name)]
    if len(by) != 1 or bool(rule.get("value")) == bool(rule.get("regex")):
        raise ValueError(f"{where}: a route needs one of header, cookie and argument, and one of value and regex")
    name = word(rule[by[0]], where)
    if by == ["cookie"]:
        return cookie(name, label, where)
    if by == ["header"]:
        return [], variable("http", name.lower().replace("-", "_"), where)
    return [], variable("arg", name, where)
