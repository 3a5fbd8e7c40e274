# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Balancing by HTTP redirect."""

from __future__ import annotations

import collections
import typing as t

import pytest
from edge import Edge
from waiting import until
from web import Sites

PLACES = {"place1": "http://198.51.100.21:8080", "place2": "http://198.51.100.22:8080"}
MANY = 400
# Four standard deviations of a fair choice.
TOLERANCE = 0.09


def test_shares_are_weights(edge: Edge, described: dict[str, t.Any]) -> None:
    """Each request is another choice, which nobody may keep; path and query go along."""
    redirect = next(each for each in described["nginx_lb_redirects"] if each["name"] == "places")
    answers = edge.ask("www.example", "/a/b?c=d%20e", count=MANY)
    assert {answer["status"] for answer in answers} == {redirect.get("status", 302)}
    assert {answer["headers"]["cache-control"] for answer in answers} == {"no-store"}
    counts = collections.Counter(answer["headers"]["location"].removesuffix("/a/b?c=d%20e") for answer in answers)
    weights = {target["url"]: target.get("weight", 1) for target in redirect["targets"]}
    assert set(counts) == set(weights), counts
    for url, weight in weights.items():
        assert abs(counts[url] / MANY - weight / sum(weights.values())) < TOLERANCE, counts


def test_clients_arrive(edge: Edge) -> None:
    """A client that goes where it is sent gets there with what it wanted."""
    said = edge.lab.run("client", f"curl --silent --location --header 'Host: www.example' http://{edge.address}/a?b=c")
    assert '"path": "/a?b=c"' in said and '"server": "place' in said, said


@pytest.mark.stage("first")
def test_a_dead_place_is_out(edges: list[Edge], sites: Sites) -> None:
    """Until it is back."""
    sites["place1"].stop()
    for edge in edges:
        until(lambda: edge.out("redirect/places"), {PLACES["place1"]}, f"out at {edge.name}: place1")  # noqa: B023
        edge.quiet()
        answers = edge.ask("www.example", count=50)
        assert {answer["headers"]["location"] for answer in answers} == {PLACES["place2"] + "/"}
    sites["place1"].start()
    for edge in edges:
        edge.settle()
        answers = edge.ask("www.example", count=50)
        assert {answer["headers"]["location"] for answer in answers} == {f"{url}/" for url in PLACES.values()}


def test_who_would_go_round_for_ever_is_told(edge: Edge) -> None:
    """508 for a client that is where it would be sent; another one is sent there."""
    assert edge.get("round.example:8088", port=8088)["status"] == 508
    answer = edge.get("elsewhere.example:8088", "/x", port=8088)
    assert (answer["status"], answer["headers"]["location"]) == (302, "http://round.example:8088/x")
