# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers are in: thresholds, and the last one that is never taken out."""

from __future__ import annotations

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.nginx.pools import (
    Monitor,
    Pool,
    Server,
    shares,
    taken_out,
    text,
)
from hypothesis import given
from hypothesis import strategies as st


def pool(*servers: Server, **more: int) -> Pool:
    return Pool("http/app", "/f", servers, **{"rise": 2, "fall": 3, "min_up": 1, **more})


A, B, C = (Server(name, f"server {name};", f"server {name} down;") for name in "abc")
DRAINED = Server("d", "server d;", "server d drain;", out=True)


def test_a_server_goes_after_fall_bad_results_in_a_row_and_comes_back_after_rise_good_ones() -> None:
    monitor = Monitor([pool(A, B)])

    def hear(results: str) -> list[bool]:
        return [monitor.heard("http/app", "a", result == "+", "", 0) for result in results]

    assert hear("--+--+") == [False] * 6 and not monitor.out("http/app")
    assert hear("---") == [False, False, True] and monitor.out("http/app") == {"a"}
    assert hear("--+-+-") == [False] * 6
    assert hear("++") == [False, True] and not monitor.out("http/app")


def test_those_that_failed_last_stay() -> None:
    monitor = Monitor([pool(A, B, C, fall=1)])
    for now, key in enumerate("bca"):
        monitor.heard("http/app", key, False, "", now)
    assert monitor.out("http/app") == {"b", "c"}
    for _result in range(2):
        monitor.heard("http/app", "c", True, "", 9)
    assert monitor.out("http/app") == {"a", "b"}


def test_what_was_taken_out_by_hand_is_out_and_does_not_count_as_up() -> None:
    assert taken_out(pool(A, B, DRAINED), ["d", "a", "b"]) == {"d", "a"}
    assert text(pool(A, DRAINED), {"d"}) == "server a;\nserver d drain;\n"


def test_files_have_every_server_marked() -> None:
    assert Monitor([pool(A, B)]).texts() == {"/f": "server a;\nserver b;\n"}
    assert text(pool(A, B), {"a"}) == "server a down;\nserver b;\n"


def test_targets_share_all_clients() -> None:
    split = Pool("redirect/www", "/f", (Server("x", "x", weight=3), Server("y", "y")), "split", "split_clients $a $b")
    assert text(split, set()) == "split_clients $a $b {\n    75.00% x;\n    * y;\n}\n"
    assert text(split, {"x"}) == "split_clients $a $b {\n    * y;\n}\n"


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=50))
def test_shares_are_never_more_than_all_nor_nothing(weights: list[int]) -> None:
    """nginx refuses both."""
    *lines, last = shares([Server(str(number), str(number), weight=weight) for number, weight in enumerate(weights)])
    parts = [float(line.split("%")[0]) for line in lines]
    assert sum(parts) <= 100.001 and all(parts) and last == f"* {len(weights) - 1}"


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data(), st.integers(1, 4))
def test_law_min_up_servers_stay_whatever_the_checks_say(by_hand: list[bool], data: st.DataObject, min_up: int) -> None:
    servers = [Server(str(number), "", out=out) for number, out in enumerate(by_hand)]
    failed = data.draw(st.permutations([server.key for server in servers]))
    some = failed[: data.draw(st.integers(0, len(failed)))]
    out = taken_out(pool(*servers, min_up=min_up), some)
    usable = by_hand.count(False)
    assert usable - len(out - {server.key for server in servers if server.out}) >= min(min_up, usable)


@pytest.mark.parametrize("min_up", [1, 2])
def test_min_up(min_up: int) -> None:
    assert len(taken_out(pool(A, B, C, min_up=min_up), ["a", "b", "c"])) == 3 - min_up
