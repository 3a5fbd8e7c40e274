# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site is spared: answers that are known, requests of the greedy, and bytes."""

from __future__ import annotations

import concurrent.futures
import uuid

import pytest
from edge import TRUSTED, Edge
from waiting import until
from web import Sites

pytestmark = pytest.mark.stage("first")
CACHED, SPARING = "cached.example", "sparing.example"
AT_ONCE = 4
LONG = "x" * 20_000


def cache_status(edge: Edge, path: str) -> str:
    """How the cache had the answer, which must be a good one."""
    answer = edge.get(CACHED, path)
    assert answer["status"] == 200, answer
    return str(answer["headers"]["x-cache-status"])


def test_many_who_want_the_same_ask_the_server_once(edge: Edge) -> None:
    """While the answer is on its way, which takes its time, the others wait for it."""
    path = f"/{uuid.uuid4().hex}/drip/3/0.1"
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda _client: cache_status(edge, path), range(AT_ONCE)))
    assert sorted(found) == ["HIT"] * (AT_ONCE - 1) + ["MISS"], found


def test_an_old_answer_is_better_than_none(edges: list[Edge], sites: Sites) -> None:
    """The only server is dead."""
    path = f"/{uuid.uuid4().hex}"
    for edge in edges:
        assert [cache_status(edge, path) for _turn in "ab"] == ["MISS", "HIT"]
    sites["web3"].stop()
    for edge in edges:
        until(lambda: cache_status(edge, path), "STALE", f"stale on {edge.name}: the answer")  # noqa: B023  # used at once
        answer = edge.get(CACHED, f"{path}/new")
        assert answer["status"] == 502, answer


def test_who_asks_too_often_is_told_so(edge: Edge) -> None:
    """One and a burst of one are served at once; the rate allows the next one after ten seconds."""
    answers = edge.ask(SPARING, "/seldom/", count=4)
    assert [answer["status"] for answer in answers] == [200, 200, 429, 429]


def test_who_has_a_connection_gets_no_other(edge: Edge) -> None:
    """Others do; and so does he, once it has ended."""
    with edge.connected() as connection:
        connection.upgrade(SPARING, "/alone/")
        assert edge.get(SPARING, "/alone/", source=TRUSTED)["status"] == 429
        assert edge.get(SPARING, "/alone/")["status"] == 200
    until(lambda: edge.get(SPARING, "/alone/", source=TRUSTED)["status"], 200, "served again")


def test_answers_are_short_for_who_can_read_them(edge: Edge) -> None:
    filler = {"X-Filler": "x" * 2000}
    short = edge.get(SPARING, headers={**filler, "Accept-Encoding": "gzip"})
    plain = edge.get(SPARING, headers=filler)
    assert short["headers"]["content-encoding"] == "gzip" and "content-encoding" not in plain["headers"]
    assert short["headers"]["vary"] == plain["headers"]["vary"] == "Accept-Encoding"
    assert 2 * len(short["text"]) < len(plain["text"])


def test_long_headers_come_in_where_they_may(edge: Edge) -> None:
    cookie = {"Cookie": f"long={LONG}"}
    assert edge.get(SPARING, headers=cookie)["said"]["headers"]["cookie"] == f"long={LONG}"
    assert edge.get("lab", headers=cookie)["status"] == 400
