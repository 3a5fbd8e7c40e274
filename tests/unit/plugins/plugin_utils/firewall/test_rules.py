# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules close what only peers may send, and nothing that any opening opens."""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
import typing as t

import hypothesis
import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.firewall import files
from hypothesis import strategies as st

Entry = dict[str, t.Any]
LB1, LB2, LB3 = "192.0.2.11", "192.0.2.12", "192.0.2.13"
VRRP = {"protocol": "vrrp", "sources": [LB1]}


def lines(*openings: Entry, before: str = "") -> list[str]:
    """What stands between what is let in on lo and the end of the chain."""
    text = files.firewall_files(openings, "edge", before)[0]["content"]
    return [line.strip() for line in text.split('lo" accept\n')[1].splitlines()[:-2]]


def made_of(*openings: Entry, before: str = "") -> str:
    return files.firewall_files(openings, "edge", before)[1]["content"]


def test_peers_are_let_in_and_all_others_dropped() -> None:
    assert lines({"protocol": "udp", "ports": [8848], "sources": [LB2, LB1]}) == [
        "ip saddr { 192.0.2.11, 192.0.2.12 } udp dport 8848 accept",
        "udp dport 8848 counter drop",
    ]


def test_both_families_are_closed_unless_destinations_say_which() -> None:
    assert lines(VRRP, {"protocol": "vrrp", "sources": ["2001:db8::11"]}) == [
        "ip saddr 192.0.2.11 meta l4proto 112 accept",
        "ip6 saddr 2001:db8::11 meta l4proto 112 accept",
        "meta l4proto 112 counter drop",
    ]
    assert lines({"protocol": "ipencap", "sources": [LB1], "destinations": ["192.0.2.21"]}) == [
        "ip saddr 192.0.2.11 ip daddr 192.0.2.21 meta l4proto 4 accept",
        "ip daddr 192.0.2.21 meta l4proto 4 counter drop",
    ]


def test_peers_of_several_tiers_are_united() -> None:
    assert lines(VRRP, {"protocol": "vrrp", "sources": [LB3, LB1]}) == [
        "ip saddr { 192.0.2.11, 192.0.2.13 } meta l4proto 112 accept",
        "meta l4proto 112 counter drop",
    ]


def test_what_another_opening_opens_to_everybody_stays_open() -> None:
    peers = {"protocol": "tcp", "ports": [10000], "sources": [LB1]}
    vip = {"protocol": "tcp", "ports": [443, 10000], "destinations": ["192.0.2.100", "2001:db8::100"]}
    assert lines(peers, vip)[:2] == [
        "ip daddr 192.0.2.100 tcp dport { 443, 10000 } accept",
        "ip6 daddr 2001:db8::100 tcp dport { 443, 10000 } accept",
    ]
    assert "tcp dport 10000 accept" in lines(peers, {"protocol": "tcp", "ports": [10000]})
    assert "meta l4proto 6 accept" in lines(peers, {"protocol": "tcp"})


def test_without_sources_nothing_is_closed() -> None:
    assert lines({"family": "any", "protocol": "tcp", "ports": [80]}, {"protocol": "vrrp"}) == []


def test_a_network_takes_its_addresses_in() -> None:
    assert lines({"protocol": "vrrp", "sources": ["fe80::/10", "fe80::1", LB1]}) == [
        "ip saddr 192.0.2.11 meta l4proto 112 accept",
        "ip6 saddr fe80::/10 meta l4proto 112 accept",
        "meta l4proto 112 counter drop",
    ]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"protocol": "icmp"}, "'icmp' is not one of"),
        ({"protocol": "vrrp", "ports": [1]}, "vrrp has no ports"),
        ({"protocol": "tcp", "ports": [0]}, "not all from 1 to 65535"),
        ({"protocol": "tcp", "ports": [65536]}, "not all from 1 to 65535"),
        ({"protocol": "tcp", "sources": ["192.0.2.1/24"]}, "has host bits set"),
        ({"protocol": "tcp", "sources": ["lb1; flush ruleset"]}, "does not appear to be"),
        ({"protocol": "vrrp", "sources": ["fe80::1%eth0"]}, "without its interface"),
    ],
)
def test_what_nftables_would_not_understand_is_refused(entry: Entry, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        files.firewall_files([entry], "edge")


@pytest.mark.parametrize("name", ["", "A", "a b", "a;b", "x" * 32])
def test_a_name_that_a_table_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="the name"):
        files.firewall_files([VRRP], name)


def test_no_other_table_is_named() -> None:
    text = files.firewall_files([VRRP], "edge")[0]["content"]
    assert set(re.findall(r"^.*\btable (.*?)(?: {)?$", text, re.MULTILINE)) == {"inet mixed_lb_edge"}
    assert "flush" not in text


def test_while_peers_come_and_go_old_and_new_ones_are_let_in_and_nothing_more_is_closed() -> None:
    comes = {"protocol": "vrrp", "sources": [LB3]}
    new = {"protocol": "udp", "ports": [8848], "sources": [LB3]}
    between = made_of(comes, new, before=made_of(VRRP))
    both = ["ip saddr { 192.0.2.11, 192.0.2.13 } meta l4proto 112 accept", "meta l4proto 112 counter drop"]
    assert lines(comes, new, before=made_of(VRRP)) == both
    # a run that was cut off there, and another description since
    assert lines({"protocol": "vrrp", "sources": [LB2]}, before=between)[0] == (
        "ip saddr { 192.0.2.11, 192.0.2.12, 192.0.2.13 } meta l4proto 112 accept"
    )
    assert made_of(comes, new, before=between) == between


def test_who_only_goes_is_let_in_until_the_end() -> None:
    pair = {"protocol": "vrrp", "sources": [LB1, LB2]}
    assert lines(VRRP, before=made_of(pair)) == lines(pair)


def test_what_is_about_nothing_closed_changes_nothing() -> None:
    web = {"protocol": "tcp", "ports": [443]}
    assert made_of(VRRP, web) == made_of(VRRP) == made_of(VRRP, web, before=made_of(VRRP))
    assert json.loads(made_of(VRRP))["also"] == []


def test_the_order_of_openings_does_not_matter() -> None:
    some = [VRRP, {"protocol": "vrrp", "sources": [LB2]}, {"protocol": "tcp", "ports": [1], "sources": [LB1]}]
    assert len({made_of(*order) + "\n".join(lines(*order)) for order in itertools.permutations(some)}) == 1


ADDRESSES = [LB1, LB2, "2001:db8::11", "2001:db8::12"]
OPENINGS = st.builds(
    lambda protocol, ports, sources, destinations: {
        "protocol": protocol,
        "ports": ports if protocol == "udp" else [],
        "sources": sources,
        "destinations": destinations,
    },
    st.sampled_from(["udp", "vrrp"]),
    st.lists(st.sampled_from([1, 2]), unique=True),
    *(st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=3) for _side in range(2)),
)


def verdict(rule: str, packet: Entry) -> str:
    """What a rule says of a packet; empty where it is not about it."""
    for key, words in re.findall(r"(ip6? [sd]addr|udp dport|meta l4proto) ({[^}]*}|\S+)", rule):
        if str(packet.get(key)) not in re.split(r"[{}, ]+", words):
            return ""
    return rule.split()[-1]


def opens(entry: Entry, packet: Entry, *, sources: bool = True) -> bool:
    """Whether an opening, as docs/firewall.md tells it, is about a packet; without ``sources``, wherever it comes from."""
    if entry["protocol"] != ("udp" if "udp dport" in packet else "vrrp"):
        return False
    if entry["ports"] and packet.get("udp dport") not in entry["ports"]:
        return False
    ends = {key.split()[1]: value for key, value in packet.items() if key.startswith("ip")}
    sides = {"destinations": "daddr", **({"sources": "saddr"} if sources else {})}
    return all(not entry[side] or ends[word] in entry[side] for side, word in sides.items())


@hypothesis.given(st.lists(OPENINGS, max_size=4))
def test_a_packet_is_dropped_where_peers_alone_may_send_it_and_no_opening_lets_it_in(some: list[Entry]) -> None:
    chain = lines(*some)
    for source, destination in itertools.product(ADDRESSES, repeat=2):
        version = ipaddress.ip_address(source).version
        if ipaddress.ip_address(destination).version != version:
            continue
        word = "ip" if version == 4 else "ip6"
        ends = {f"{word} saddr": source, f"{word} daddr": destination}
        of_udp = ({**ends, "meta l4proto": 17, "udp dport": port} for port in (1, 3))
        for packet in ({**ends, "meta l4proto": 112}, *of_udp):
            said = next((end for end in (verdict(rule, packet) for rule in chain) if end), "accept")
            closed = any(one["sources"] and opens(one, packet, sources=False) for one in some)
            assert said == ("drop" if closed and not any(opens(one, packet) for one in some) else "accept"), packet


def test_the_unit_is_early_and_follows_the_one_that_flushes() -> None:
    path, text = files.firewall_files([VRRP], "edge")[2].values()
    assert path == "/etc/systemd/system/mixed-lb-firewall-edge.service"
    for line in (
        "DefaultDependencies=no",
        "Before=network-pre.target shutdown.target",
        "PartOf=nftables.service",
        "ReloadPropagatedFrom=nftables.service",
        "WantedBy=sysinit.target nftables.service",
    ):
        assert f"\n{line}\n" in text
    assert "nftables.service" in next(line for line in text.splitlines() if line.startswith("After="))


def test_one_that_flushes_loads_them_again_when_it_starts() -> None:
    path, text = files.firewall_files([VRRP], "edge")[3].values()
    assert path == "/etc/systemd/system/nftables.service.d/mixed-lb-firewall-edge.conf"
    assert "\n[Service]\nExecStartPost=-/usr/sbin/nft --file /etc/mixed_lb/firewall/edge.nft\n" in text
