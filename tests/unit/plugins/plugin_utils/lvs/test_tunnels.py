# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that unwrap what a TUN director sends, and the room that its header leaves."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.lvs import tunnels

FOUR = {"local": "203.0.113.21", "remote": "192.0.2.10"}
SIX = {"local": "2001:db8:0:113::21", "remote": "2001:db8:0:2::10"}
VIP4, VIP6 = "192.0.2.100", "2001:db8:0:2::100"
IPIP = {"type": "ipip"}
GUE = {"type": "gue", "port": 6080, "checksum": "none"}
GRE = {"type": "gre", "checksum": "csum"}


def types(pairs: list[dict[str, str]], vips: list[str], tunnel: dict[str, t.Any]) -> list[tuple[str, str]]:
    """What each device is, and its remote end."""
    return [(device["type"], device["remote"]) for device in tunnels.tunnel_devices(pairs, vips, tunnel)]


@pytest.mark.parametrize(
    ("pair", "vip", "tunnel", "expected"),
    [
        (FOUR, VIP4, IPIP, "ipip"),
        (FOUR, VIP6, IPIP, "sit"),
        (SIX, VIP4, IPIP, "ip6tnl"),
        (SIX, VIP6, IPIP, "ip6tnl"),
        (FOUR, VIP4, GUE, "gue"),
        (FOUR, VIP6, GUE, "sit"),
        (SIX, VIP4, GUE, "gue"),
        (SIX, VIP6, GUE, "gue"),
        (FOUR, VIP4, GRE, "gre"),
        (FOUR, VIP6, GRE, "gre"),
        (SIX, VIP6, GRE, "gre"),
    ],
)
def test_what_unwraps_depends_on_what_is_inside_and_outside(
    pair: dict[str, str], vip: str, tunnel: dict[str, t.Any], expected: str
) -> None:
    assert types([pair], [vip], tunnel) == [(expected, pair["remote"])]


def test_a_family_travels_in_its_own_kind_where_it_can() -> None:
    assert types([FOUR, SIX], [VIP4, VIP6], IPIP) == [("ipip", FOUR["remote"]), ("ip6tnl", SIX["remote"])]


def test_both_families_travel_in_the_only_kind_there_is() -> None:
    assert types([FOUR], [VIP4, VIP6], IPIP) == [("ipip", FOUR["remote"]), ("sit", FOUR["remote"])]


def test_a_device_that_takes_both_families_is_there_once() -> None:
    assert types([FOUR], [VIP4, VIP6], GRE) == [("gre", FOUR["remote"])]
    assert types([SIX], [VIP4, VIP6], IPIP) == [("ip6tnl", SIX["remote"])]


def test_each_director_has_a_device_of_its_own() -> None:
    other = {**FOUR, "remote": "192.0.2.11"}
    assert types([FOUR, other], [VIP4], IPIP) == [("ipip", "192.0.2.10"), ("ipip", "192.0.2.11")]


def test_a_name_fits_the_kernel_and_says_the_ends() -> None:
    first, second = tunnels.tunnel_devices([FOUR, {**FOUR, "remote": "192.0.2.11"}], [VIP4], IPIP)
    (again,) = tunnels.tunnel_devices([FOUR], ["192.0.2.200"], IPIP)
    assert first["name"] == again["name"] != second["name"]
    assert len(first["name"]) <= 15 and first["name"].startswith("lvs-")


def test_a_device_is_bound_to_both_ends_and_has_the_tunnels_options() -> None:
    (gue,) = tunnels.tunnel_devices([FOUR], [VIP4], GUE)
    assert {**FOUR, "port": 6080}.items() <= gue.items() and "checksum" not in gue
    (gre,) = tunnels.tunnel_devices([FOUR], [VIP4], GRE)
    assert gre["checksum"] is True and "port" not in gre
    (plain,) = tunnels.tunnel_devices([FOUR], [VIP4], {"type": "gre"})
    assert plain["checksum"] is False


def test_nothing_to_unwrap_without_pairs_or_vips() -> None:
    assert tunnels.tunnel_devices([], [VIP4], IPIP) == [] == tunnels.tunnel_devices([FOUR], [], IPIP)


@pytest.mark.parametrize(
    ("tunnel", "pair", "vip", "size"),
    [
        ({}, FOUR, VIP4, 1440),
        (IPIP, FOUR, VIP4, 1440),
        (IPIP, FOUR, VIP6, 1420),
        (IPIP, SIX, VIP4, 1420),
        (IPIP, SIX, VIP6, 1400),
        (GUE, FOUR, VIP4, 1428),
        ({**GUE, "checksum": "csum"}, FOUR, VIP4, 1428),
        ({**GUE, "checksum": "remcsum"}, FOUR, VIP4, 1420),
        ({**GUE, "checksum": "csum"}, SIX, VIP6, 1388),
        ({"type": "gre"}, FOUR, VIP4, 1436),
        (GRE, FOUR, VIP4, 1432),
    ],
)
def test_segments_leave_room_for_the_outer_header(
    tunnel: dict[str, t.Any], pair: dict[str, str], vip: str, size: int
) -> None:
    assert list(tunnels.segment_sizes([pair], [vip], tunnel).values()) == [size]


def test_each_family_has_the_size_of_its_own_kind_of_pair() -> None:
    assert tunnels.segment_sizes([FOUR, SIX], [VIP4, VIP6], IPIP) == {"ipv4": 1440, "ipv6": 1400}


def test_the_size_follows_the_path() -> None:
    assert tunnels.segment_sizes([FOUR], [VIP4], IPIP, 9000) == {"ipv4": 8940}
    assert tunnels.segment_sizes([], [VIP4], IPIP) == {}


@pytest.mark.parametrize("function", [tunnels.segment_sizes, tunnels.tunnel_devices])
def test_an_unknown_type_is_an_error_that_names_those_there_are(function: t.Callable[..., t.Any]) -> None:
    with pytest.raises(ValueError, match="unknown tunnel type vxlan: known are ipip, gue, gre"):
        function([FOUR], [VIP4], {"type": "vxlan"})


def test_gue_without_a_port_is_an_error() -> None:
    with pytest.raises(ValueError, match="a gue tunnel needs a port"):
        tunnels.tunnel_devices([FOUR], [VIP4], {"type": "gue"})


@pytest.mark.parametrize(
    ("pair", "vips", "tunnel", "expected"),
    [
        (FOUR, [VIP4], IPIP, ["ipip"]),
        (FOUR, [VIP4, VIP6], IPIP, ["ipip", "sit"]),
        (SIX, [VIP4, VIP6], IPIP, ["ip6_tunnel"]),
        (FOUR, [VIP4, VIP6], GRE, ["ip_gre"]),
        (SIX, [VIP6], GRE, ["ip6_gre"]),
        (FOUR, [VIP4], GUE, ["fou", "ipip"]),
        (FOUR, [VIP6], GUE, ["fou", "sit"]),
        (SIX, [VIP6], GUE, ["fou", "ip6_tunnel"]),
    ],
)
def test_modules_follow_from_the_devices(
    pair: dict[str, str], vips: list[str], tunnel: dict[str, t.Any], expected: list[str]
) -> None:
    devices = tunnels.tunnel_devices([pair], vips, tunnel)
    assert tunnels.tunnel_modules(devices) == [{"name": name} for name in expected]


def test_no_devices_need_no_modules() -> None:
    assert tunnels.tunnel_modules([]) == []


def test_devices_borrow_the_ipv4_address_of_their_own_end() -> None:
    devices = [{"name": "lvs-a", "local": FOUR["local"]}, {"name": "lvs-b", "local": SIX["local"]}]
    assert tunnels.tunnel_addresses(devices, [VIP4, VIP6]) == [{"address": "203.0.113.21/32", "interface": "lvs-a"}]


def test_a_device_that_carries_ipv4_in_ipv6_borrows_a_vip() -> None:
    devices = tunnels.tunnel_devices([SIX], [VIP6, VIP4], IPIP)
    assert tunnels.tunnel_addresses(devices, [VIP6, VIP4]) == [
        {"address": f"{VIP4}/32", "interface": devices[0]["name"]}
    ]
    assert tunnels.tunnel_addresses(devices, [VIP6]) == []


@pytest.mark.parametrize("tunnel", [IPIP, GUE, GRE])
def test_from_anybody_adds_devices_that_are_bound_to_the_rip_alone(tunnel: dict[str, t.Any]) -> None:
    pairs = [FOUR, {**FOUR, "remote": "192.0.2.11"}, SIX]
    bound = tunnels.tunnel_devices(pairs, [VIP4, VIP6], tunnel)
    both = tunnels.tunnel_devices(pairs, [VIP4, VIP6], tunnel, from_anybody=True)
    assert both[: len(bound)] == bound and all(one["remote"] != "any" for one in bound)
    assert [(one["local"], one["remote"]) for one in both[len(bound) :]] == [
        (FOUR["local"], "any"),
        (SIX["local"], "any"),
    ]
    assert len({one["name"] for one in both}) == len(both)


@pytest.mark.parametrize("pair", [FOUR, SIX])
def test_gue_has_the_name_of_the_plain_device_that_it_is(pair: dict[str, str]) -> None:
    (plain,), (gue,) = (tunnels.tunnel_devices([pair], [VIP4], tunnel) for tunnel in (IPIP, GUE))
    assert plain["name"] == gue["name"]
