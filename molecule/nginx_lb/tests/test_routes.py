# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a request goes by its name, path, header and cookie, and what the server is told of its client."""

from __future__ import annotations

import pytest
from edge import CLIENT, TRUSTED, Edge, share

FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"}


@pytest.mark.stage("first")
@pytest.mark.parametrize(
    ("host", "path", "headers"),
    [
        ("lab", "/beta/x", {}),
        ("routed.example", "/", {"X-Stage": "beta"}),
        ("deep.routed.example", "/", {"Cookie": "a=b; stage=beautiful"}),
        ("other.example", "/", {}),
    ],
    ids=["path", "header", "cookie", "domain"],
)
def test_a_route_leads_to_one_server(edge: Edge, host: str, path: str, headers: dict[str, str]) -> None:
    assert share(edge.ask(host, path, count=4, headers=headers)) == {"web3": 4}


@pytest.mark.stage("first")
@pytest.mark.parametrize(
    ("host", "path", "headers"),
    [
        ("lab", "/beta.html", {}),
        ("routed.example", "/", {"X-Stage": "betas"}),
        ("routed.example", "/", {"Cookie": "stage=to-be"}),
        ("another.example", "/", {}),
    ],
    ids=["path", "header", "cookie", "domain"],
)
def test_what_no_route_takes_goes_to_all(edge: Edge, host: str, path: str, headers: dict[str, str]) -> None:
    assert set(share(edge.ask(host, path, count=4, headers=headers))) == {"web1", "web2", "web3"}


def test_a_location_answers_by_itself(edge: Edge) -> None:
    answer = edge.get(path="/version")
    assert (answer["status"], answer["text"] in ("first", "second")) == (200, True), answer


@pytest.mark.stage("first")
def test_nobody_says_of_himself_who_he_is(edge: Edge) -> None:
    """What a client says of itself is replaced, also where others are trusted."""
    for host in ("lab", "behind.example"):
        told = edge.get(host, headers=FORGED)["said"]["headers"]
        assert (told["x-forwarded-for"], told["x-real-ip"]) == (CLIENT, CLIENT), host
        assert (told["host"], told["x-forwarded-proto"]) == (host, "http")


@pytest.mark.stage("first")
def test_a_trusted_proxy_says_who_the_client_is(edge: Edge) -> None:
    """And the server learns of both."""
    told = edge.get("behind.example", headers=FORGED, source=TRUSTED)["said"]["headers"]
    assert (told["x-forwarded-for"], told["x-real-ip"]) == (f"203.0.113.9, {TRUSTED}", "203.0.113.9")
    told = edge.get("behind.example", source=TRUSTED)["said"]["headers"]
    assert (told["x-forwarded-for"], told["x-real-ip"]) == (TRUSTED, TRUSTED)


@pytest.mark.stage("first")
def test_the_proxy_protocol_says_who_the_client_is(edge: Edge) -> None:
    """If it comes from who is trusted; what the client's header says is worth nothing either way."""
    line = "PROXY TCP4 203.0.113.7 198.51.100.99 40000 80"
    for source, client in ((TRUSTED, "203.0.113.7"), (CLIENT, CLIENT)):
        answer = edge.get(port=8085, proxy=line, source=source, headers=FORGED)
        told = answer["said"]["headers"]
        assert (told["x-forwarded-for"], told["x-real-ip"]) == (client, client), source


@pytest.mark.stage("first")
def test_an_upgrade_outlives_a_reload(edge: Edge) -> None:
    """Both ways, line by line, through the worker that has the connection."""
    with edge.connected() as connection:
        connection.upgrade("lab", "/chat")
        server = connection.echo("before")
        edge.reload()
        assert connection.echo("after") == server
