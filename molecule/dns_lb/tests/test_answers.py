# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is answered while all sites are up, asked by dig."""

from __future__ import annotations

import math
import re

import pytest
from ask_dns import SERVERS, SITES, Names
from frame import stage

WEB1, WEB2, WEB3 = SITES.values()
ROUNDS = 600
SIGMAS = 5
CLIENTS = [f"10.0.{number}.0/24" for number in range(150)]

pytestmark = pytest.mark.usefixtures("sites")


def follows(shares: dict[str, int], weights: dict[str, int]) -> bool:
    """Whether these came by chance with those weights: five standard deviations, one failure in a million."""
    count, total = sum(shares.values()), sum(weights.values())
    return shares.keys() == weights.keys() and all(
        abs(shares[address] - count * weight / total)
        <= SIGMAS * math.sqrt(count * weight / total * (1 - weight / total))
        for address, weight in weights.items()
    )


@pytest.mark.stage("first")
@pytest.mark.parametrize("server", SERVERS)
def test_weights(names: Names, server: str) -> None:
    shares = names.shares(server, "cdn.shop.example", ROUNDS)
    print(server, shares)
    assert sum(shares.values()) == ROUNDS
    assert follows(shares, {WEB1: 6, WEB2: 3, WEB3: 1}), shares


@pytest.mark.stage("second")
@pytest.mark.parametrize("server", SERVERS)
def test_two_addresses_an_answer(names: Names, server: str) -> None:
    """Never twice the same, and each as often as the others."""
    replies = names.ask_all(server, ["media.shop.example"] * ROUNDS)
    assert {len(set(reply.values())) for reply in replies} == {2}
    shares = names.shares(server, "media.shop.example", ROUNDS)
    assert all(abs(share - ROUNDS * 2 / 3) <= SIGMAS * math.sqrt(ROUNDS * 2 / 9) for share in shares.values()), shares


@pytest.mark.stage("first")
def test_all_of_both_families(names: Names) -> None:
    for server in SERVERS:
        four, six = names.ask_all(server, ["www.shop.example A", "www.shop.example AAAA"])
        assert four.values() == [WEB1, WEB2, WEB3]
        assert six.values("AAAA") == [f"2001:db8:0:2::2{number}" for number in (1, 2, 3)]


def test_failover_answers_the_first_only(names: Names) -> None:
    wanted = {"first": WEB1, "second": WEB2}[stage()]
    for server in SERVERS:
        assert {str(reply.values()) for reply in names.ask_all(server, ["orders.shop.example"] * 20)} == {str([wanted])}


@pytest.mark.stage("first")
def test_hashed_keeps_a_client_and_spreads_clients(names: Names) -> None:
    """The same on both servers, so it does not matter which one a resolver asks."""
    questions = [f"app.shop.example +subnet={client}" for client in CLIENTS] * 2
    found = {server: [reply.values() for reply in names.ask_all(server, questions)] for server in SERVERS}
    assert found["edge1"] == found["edge2"]
    once, again = found["edge1"][: len(CLIENTS)], found["edge1"][len(CLIENTS) :]
    assert once == again
    shares = {address: once.count([address]) for address in SITES.values()}
    assert follows(shares, dict.fromkeys(SITES.values(), 1)), shares


@pytest.mark.stage("second")
def test_weight_0_gets_nobody(names: Names) -> None:
    for server in SERVERS:
        replies = names.ask_all(server, [f"app.shop.example +subnet={client}" for client in CLIENTS])
        assert {address for reply in replies for address in reply.values()} == {WEB1, WEB3}


@pytest.mark.stage("first")
@pytest.mark.parametrize(
    ("client", "why", "wanted"),
    [
        ("198.51.100.0/26", "its country", [WEB1]),
        ("2001:db8:de::/48", "its country, by IPv6", [WEB1]),
        ("198.51.100.64/26", "its continent", [WEB2]),
        ("198.51.100.128/26", "the nearest to Tokyo is Singapore", [WEB3]),
        ("203.0.113.0/25", "the nearest to Brazil is New York", [WEB2]),
        ("192.0.2.192/26", "nobody knows where that is", [WEB1, WEB2, WEB3]),
    ],
)
def test_geography(names: Names, client: str, why: str, wanted: list[str]) -> None:
    for server in SERVERS:
        reply = names.ask(server, f"near.shop.example +subnet={client}")
        assert reply.values() == wanted, f"{server}: {why}: {reply.text}"
        # What a resolver may give to others: no more than to that subnet.
        scope = client.rpartition("/")[2]
        assert re.search(rf"CLIENT-SUBNET: \S+/{scope}/{scope}$", reply.text, re.MULTILINE), reply.text


@pytest.mark.stage("first")
def test_plain_records_and_their_ttls(names: Names) -> None:
    wanted = {
        "mail.shop.example A": [("A", 120, "192.0.2.25")],
        "shop.example MX": [("MX", 600, "10 mail.shop.example.")],
        "shop.example TXT": [("TXT", 600, '"v=spf1 mx -all"')],
        "shop.example NS": [("NS", 600, "ns1.shop.example."), ("NS", 600, "ns2.shop.example.")],
        "shop.shop.example CNAME": [("CNAME", 600, "www.shop.example.")],
        "ns2.shop.example AAAA": [("AAAA", 600, "2001:db8:0:2::12")],
    }
    for server in SERVERS:
        replies = names.ask_all(server, list(wanted))
        found = [sorted((each.type, each.ttl, each.value) for each in reply.records) for reply in replies]
        assert found == list(wanted.values()), server
        assert names.ask(server, "nobody.shop.example").status == "NXDOMAIN"
        # By TCP as well, and no other zone.
        assert names.ask(server, "mail.shop.example +tcp").values() == ["192.0.2.25"]
        assert names.ask(server, "www.example.net").status == "REFUSED"


@pytest.mark.stage("second")
def test_who_does_not_say_the_word_is_down(names: Names) -> None:
    for server in SERVERS:
        reply = names.ask(server, "mute.shop.example")
        assert (reply.status, reply.values()) == ("NOERROR", []), server


def test_ttls_of_balanced_names(names: Names) -> None:
    wanted = {"first": {"www": 30, "cdn": 20}, "second": {"www": 15, "media": 30}}[stage()]
    for server in SERVERS:
        replies = names.ask_all(server, [f"{name}.shop.example" for name in wanted])
        assert [{record.ttl for record in reply.records} for reply in replies] == [{ttl} for ttl in wanted.values()]


def test_both_serve_the_same(names: Names) -> None:
    """All that is in a zone has a digest, which the zone tells."""
    first, second = (names.ask_all(server, ["_mixed-lb.shop.example TXT", "shop.example SOA"]) for server in SERVERS)
    assert [reply.records for reply in first] == [reply.records for reply in second]
    assert all(reply.records for reply in first)
