# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP redirect: clients are sent to a server that is up, and no choice is remembered."""

from __future__ import annotations

import collections
import math
import typing as t

import pytest
from edge import BALANCERS, Edge, near
from web import Sites

pytestmark = pytest.mark.stage("first")
NATIVE, RULES = 82, 83
TARGETS = {f"http://192.0.2.2{number}:8080": weight for number, weight in ((1, 3), (2, 1))}
COUNT = 200
QUESTION = "/iso/debian.iso?mirror=1&x=%20"


def places(answers: list[dict[str, t.Any]]) -> dict[str, int]:
    """How many were sent to each target; all with their path and query."""
    ways = [answer["headers"]["location"] for answer in answers]
    assert all(way.endswith(QUESTION) for way in ways), ways
    return dict(collections.Counter(way.removesuffix(QUESTION) for way in ways))


@pytest.mark.parametrize("balancer", BALANCERS)
def test_in_turns_by_weight(edge: Edge, sites: Sites, balancer: str) -> None:
    """HAProxy's own redirect: GET and HEAD; all else is proxied."""
    answers = edge.ask(balancer, 40, port=NATIVE, path=QUESTION)
    assert {answer["status"] for answer in answers} == {302}
    assert near(places(answers), {target: weight * 10 for target, weight in TARGETS.items()})
    assert {answer["headers"]["cache-control"] for answer in answers} == {"no-store"}
    (head,) = edge.ask(balancer, port=NATIVE, method="HEAD")
    assert head["status"] == 302
    (posted,) = edge.ask(balancer, port=NATIVE, method="POST", body="x" * 100)
    assert (posted["status"], posted["said"]["method"], posted["said"]["body"]) == (200, "POST", 100)


@pytest.mark.parametrize("balancer", BALANCERS)
def test_by_chance_and_weight(edge: Edge, sites: Sites, balancer: str) -> None:
    """Rules: 307 for every method, so a POST stays one."""
    answers = edge.ask(balancer, COUNT, port=RULES, path=QUESTION)
    answers += edge.ask(balancer, COUNT, port=RULES, path=QUESTION, method="POST", body="x")
    assert {answer["status"] for answer in answers} == {307}
    assert {answer["headers"]["cache-control"] for answer in answers} == {"no-store"}
    shares = places(answers)
    # Five standard deviations: by chance it fails once in a million times.
    assert shares.keys() == TARGETS.keys()
    assert abs(shares["http://192.0.2.21:8080"] - 2 * COUNT * 3 / 4) <= 5 * math.sqrt(2 * COUNT * 3 / 16), shares


def test_no_circles(edge: Edge, sites: Sites) -> None:
    """Who comes back by the name of a target is told so."""
    for port in (NATIVE, RULES):
        (answer,) = edge.ask("edge1", port=port, site="192.0.2.21:8080")
        assert answer["status"] == 508


def test_a_dead_target_gets_nobody(edge: Edge, sites: Sites) -> None:
    """Nor does any, when none is left."""
    for host, left in (("web1", {"http://192.0.2.22:8080"}), ("web2", set())):
        sites[host].answer_checks(500)
        for backend in ("mirrors", "depots"):
            edge.wait(lambda balancer: edge.status(balancer)[backend, host] == "DOWN", f"{host} is out")  # noqa: B023  # used at once
        for balancer in BALANCERS:
            for port in (NATIVE, RULES):
                answers = edge.ask(balancer, 20, port=port, path=QUESTION)
                if left:
                    assert set(places(answers)) == left
                else:
                    assert {answer["status"] for answer in answers} == {503}
