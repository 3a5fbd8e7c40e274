# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a stack in lines for people."""

from __future__ import annotations

import typing as t

TITLES = ("member", "address", "service", "by", "state", "weight", "active", "inactive", "per s", "check")

Data = t.Mapping[str, t.Any]


def status_table(status: Data) -> list[str]:
    """``status`` as ``status.status`` returns it. First what is wrong, then tier by tier, and the hosts last."""
    findings = [f"- {_finding(one)}" for one in status["findings"]]
    lines = [f"{len(findings)} findings:", *findings, ""] if findings else ["No findings.", ""]
    for tier in status["tiers"]:
        lines += [*_tier(tier), ""]
    return lines + _hosts(status["hosts"])


def _finding(one: Data) -> str:
    where = ", ".join(f"{word} {one[word]}" for word in ("tier", "host") if one[word])
    return f"{where}: {one['text']}" if where else str(one["text"])


def _tier(tier: Data) -> list[str]:
    kind = " ".join(filter(None, (tier["kind"], tier["mode"])))
    behind = f" -> {', '.join(tier['backend'])}" if tier["backend"] else ""
    gone = ", absent" if tier["state"] == "absent" else ""
    lines = [f"{tier['name']} ({kind}{gone}){behind}: {', '.join(tier['hosts']) or 'somebody else'}"]
    if tier["vips"] and tier["hosts"]:
        lines += [f"  {vip['address']} on {' and '.join(vip['holders']) or 'nobody'}" for vip in tier["vips"]]
    return lines + _columns([TITLES, *map(_cells, tier["members"])]) if tier["members"] else lines


def _cells(row: Data) -> tuple[str, ...]:
    weight, wanted = _number(row["weight"]), row["wanted_weight"]
    shown = weight if row["weight"] in (None, wanted) else f"{weight} of {wanted}"
    port = f":{row['port']}" if row["port"] else ""
    address = f"[{row['address']}]" if port and ":" in row["address"] else row["address"]
    numbers = (_number(row[name]) for name in ("active", "inactive", "rate"))
    return (row["name"], f"{address}{port}", row["service"], row["by"], row["state"], shown, *numbers, row["check"])


def _hosts(hosts: t.Mapping[str, Data]) -> list[str]:
    lines: list[tuple[str, ...]] = [("host", "tiers", "VIPs", "keeps drained", "maintenance", "units")]
    for name, host in hosts.items():
        off = [f"{unit} {state}" for unit, state in host["units"].items() if state not in ("active", "inactive")]
        units = ", ".join(off) or f"{len(host['units'])} well" if host["reached"] else "not reached"
        lists = (", ".join(host[key]) or "-" for key in ("tiers", "vips", "drained", "maintenance"))
        lines.append((name, *lists, units))
    return ["Hosts", *_columns(lines)]


def _number(value: float | None) -> str:
    return "-" if value is None else str(value)


def _columns(rows: t.Sequence[t.Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
