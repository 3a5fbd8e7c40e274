# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the plain data of ``lb_stack`` to tiers."""

from __future__ import annotations

import collections.abc as c
import typing as t

from .kinds import KINDS
from .model import Finding, Stack, Tier
from .options import did_you_mean, shown


def load(raw: object) -> tuple[Stack, list[Finding]]:
    """The stack, and a finding for everything in ``raw`` that is not as it should be.

    ``raw`` is ``{tiers: [{name, kind, ...}, ...]}`` in plain types.
    """
    findings: list[Finding] = []
    tiers: dict[str, Tier] = {}
    broken: dict[str, Tier] = {}

    def problem(message: str, tier: str = "", rule: str = "option") -> None:
        findings.append(Finding(tier, "", rule, message))

    if not isinstance(raw, c.Mapping) or not isinstance(raw.get("tiers"), list) or not raw["tiers"]:
        problem("must be a mapping with a non-empty list 'tiers'")
        return Stack(tiers), findings
    for key in raw:
        if key != "tiers":
            problem(f"unknown option {key!r}{did_you_mean(str(key), ['tiers'])}")
    for number, entry in enumerate(raw["tiers"]):
        if not isinstance(entry, c.Mapping):
            problem(f"tiers[{number}] must be a mapping of options, not {shown(entry)}")
            continue
        name = str(entry.get("name") or f"number {number + 1}")
        named = entry.get("kind")
        kind = KINDS.get(named) if isinstance(named, str) else None
        if kind is None:
            problem(f"kind cannot be {shown(named)}{did_you_mean(str(named), KINDS)}", name)
        if name in tiers or name in broken:
            problem("two tiers have this name: rename one", name, "tier-name")
            continue
        tier, problems = kind.load(entry) if kind else (None, [])
        for text in problems:
            problem(text, name)
        if tier is None:
            broken[name] = _remains(name, entry)
        else:
            tiers[name] = tier
    return Stack({name: tier.completed(tiers.values()) for name, tier in tiers.items()}, broken), findings


def _remains(name: str, raw: c.Mapping[str, object]) -> Tier:
    """What can still be judged of a tier that cannot be used: its group and its backend."""
    names: dict[str, t.Any] = {
        key: value for key in ("kind", "hosts", "backend") if isinstance(value := raw.get(key), str)
    }
    return Tier(**{"name": name, "kind": "", **names})
