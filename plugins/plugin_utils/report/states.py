# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host of a tier is, in one word and a few more."""

from __future__ import annotations

import typing as t

Data = t.Mapping[str, t.Any]

STATES = DESCRIBED, OK, DRAINED, BAD = "described", "ok", "drained", "bad"
"""From the best to the worst."""


class State(t.NamedTuple):
    """``name`` is one of the words above; ``words`` are lines for people."""

    name: str
    words: tuple[str, ...]


def host_state(host: str, tier: Data, status: Data) -> State:
    """Of a host in a tier: what balancers in front say of it, what it holds, and what was found wrong."""
    said = status["hosts"].get(host) or {"reached": False, "vips": (), "maintenance": ()}
    if not said["reached"]:
        return State(BAD, ("not reached",))
    rows = [row for front in status["tiers"] for row in front["members"] if row["name"] == host]
    rows = [row for row in rows if any(row["tier"] == one["name"] for one in fronts(tier, status))]
    states = {row["state"] for row in rows}
    # what it says of members is theirs
    own = [one for one in status["findings"] if one["host"] == host and (one["drift"] or not one["tier"])]
    found = [one for one in own if one["tier"] in ("", tier["name"])]
    words = [*_vips(tier, host, said), *_share(rows)]
    if found or "down" in states:
        return State(BAD, (*words, "down" if "down" in states else "see findings"))
    if "drained" in states or tier["name"] in said["maintenance"]:
        return State(DRAINED, (*words, "drained" if "drained" in states else "in maintenance"))
    return State(OK, tuple(words))


def fronts(tier: Data, status: Data) -> list[Data]:
    """The tiers that send to one."""
    return [one for one in status["tiers"] if tier["name"] in one["backend"]]


def _vips(tier: Data, host: str, said: Data) -> t.Iterator[str]:
    if tier["vips"]:
        held = [vip for vip in tier["vips"] if vip["address"] in said["vips"]]
        yield "holds the VIPs" if len(held) == len(tier["vips"]) else "holds some VIPs" if held else "waits"


def _share(rows: t.Sequence[Data]) -> t.Iterator[str]:
    weights = sorted({row["weight"] for row in rows if row["weight"] is not None})
    if weights:
        yield f"weight {' or '.join(map(str, weights))}"
    if any(row["active"] is not None for row in rows):
        yield f"{sum(row['active'] or 0 for row in rows)} open"
