# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients are sent to targets that work, each as often as its weight says, and with what they asked for."""

from __future__ import annotations

import pytest
from redirects import BOUND, HOSTS, Redirects, is_fair
from web import Sites

TOTAL = 400


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_path_and_query_go_along_and_nothing_is_remembered(
    redirects: Redirects, sites: Sites, host: str, method: str
) -> None:
    (answer,) = redirects.ask(host, path="/a/b%20c?d=e&f", method=method)
    target, _slash, rest = answer["headers"]["location"].removeprefix("http://").partition("/")
    assert answer["status"] == redirects.code
    assert target in {f"{name}.{redirects.domain}:8080" for name in redirects.weights}
    assert rest == "a/b%20c?d=e&f"
    assert answer["headers"]["cache-control"] == "no-store"


@pytest.mark.parametrize("host", HOSTS)
def test_targets_get_their_shares(redirects: Redirects, sites: Sites, host: str) -> None:
    shares = redirects.shares(host, TOTAL)
    of = sum(redirects.weights.values())
    assert all(is_fair(shares.get(name, 0), weight, of, TOTAL) for name, weight in redirects.weights.items()), shares


@pytest.mark.once
def test_nobody_is_sent_to_a_target_that_is_ill(redirects: Redirects, sites: Sites) -> None:
    """It still takes connections; only its health path says so."""
    sites["web3"].answer_checks(500)
    assert redirects.seconds_until_left_out("web3") <= BOUND
    sites["web3"].answer_checks(200)
    redirects.wait_for_all()


@pytest.mark.parametrize("host", HOSTS)
def test_who_comes_with_the_name_of_a_target_is_not_sent_round(redirects: Redirects, sites: Sites, host: str) -> None:
    (answer,) = redirects.ask(host, name=f"web1.{redirects.domain}:8080")
    assert (answer["status"], "location" in answer["headers"]) == (508, False)
