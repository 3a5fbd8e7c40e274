# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a virtual service from a light host of the lab."""

from __future__ import annotations

import collections
import typing as t

from described import Service

from lab import client
from lab.cluster import Lab


def ask(lab: Lab, service: Service, count: int = 1, host: str = "client", **options: t.Any) -> list[dict[str, t.Any]]:
    """`count` answers, each of a connection of its own; every one must have come."""
    answers = client.ask(lab, service.protocol, service.vip, service.port, count, host, **options)
    failed = [answer["error"] for answer in answers if "error" in answer]
    assert not failed, f"{len(failed)} of {count} requests to {service} failed: {failed[0]}"
    return answers


def share(answers: list[dict[str, t.Any]]) -> dict[str, int]:
    """How many answers came from each real server."""
    return dict(collections.Counter(answer["server"] for answer in answers))
