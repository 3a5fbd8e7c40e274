# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random tables for the laws: small worlds, so that two tables meet often, and every option of the grammar."""

from __future__ import annotations

import typing as t

from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import wanted
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.model import Service, ServiceKey, Table
from hypothesis import strategies as st

Options = dict[str, t.Any]

V4 = ("10.0.0.100", "10.0.0.101", "224.0.0.1")
V6 = ("2001:db8::100", "::ffff:10.0.0.1")
REAL = {"ipv4": ("10.1.0.1", "10.1.0.2", "10.1.0.3"), "ipv6": ("2001:db8::1", "2001:db8::2")}
WEIGHTS = st.sampled_from([0, 1, 2, 10, 2**31 - 1])


def keys() -> st.SearchStrategy[Options]:
    addresses = st.fixed_dictionaries(
        {
            "protocol": st.sampled_from(["tcp", "udp", "sctp"]),
            "address": st.sampled_from([*V4[:2], V6[0]]),
            "port": st.sampled_from([0, 80, 443]),
        }
    )
    marks = st.fixed_dictionaries(
        {"fwmark": st.sampled_from([1, 7, 2**31, 2**32 - 1]), "family": st.sampled_from(["ipv4", "ipv6"])}
    )
    return st.one_of(addresses, addresses, marks)


@st.composite
def destinations(draw: st.DrawFn, key: ServiceKey) -> Options:
    forward = draw(st.sampled_from(["dr", "nat", "tun"]))
    family = draw(st.sampled_from(["ipv4", "ipv6"])) if forward == "tun" else key.family
    lower = draw(st.sampled_from([0, 0, 5]))
    options: Options = {
        "address": draw(st.sampled_from(REAL[family])),
        "forward": forward,
        "weight": draw(WEIGHTS),
        "upper_threshold": draw(st.sampled_from([lower, lower + 10])),
        "lower_threshold": lower,
    }
    if forward == "nat":
        options["port"] = draw(st.sampled_from([80, 8080]))
    if forward == "tun":
        options["tunnel"] = draw(
            st.sampled_from(
                [
                    None,
                    {"type": "ipip"},
                    {"type": "gre", "checksum": "csum"},
                    {"type": "gre"},
                    {"type": "gue", "port": 6080},
                    {"type": "gue", "port": 6081, "checksum": "remcsum"},
                ]
            )
        )
    return options


@st.composite
def services(draw: st.DrawFn) -> Service:
    options = draw(keys())
    key = wanted.service_key(options)
    scheduler = draw(st.sampled_from(["rr", "wrr", "wlc", "lblc", "lblcr", "sh", "mh", "none"]))
    own = {"sh": ["sh-fallback", "sh-port"], "mh": ["mh-fallback", "mh-port"]}.get(
        scheduler, ["flag-1", "flag-2", "flag-3"]
    )
    options["scheduler"] = scheduler
    options["scheduler_flags"] = draw(st.lists(st.sampled_from(own), max_size=3))
    if draw(st.booleans()) or (not key.fwmark and key.port == 0):
        options["persistent"] = draw(st.sampled_from([1, 360, 2678400]))
        options["persistence_mask"] = draw(st.sampled_from([None, 1, 24, 32]))
        options["persistence_engine"] = draw(st.sampled_from([None, "sip"]))
    options["one_packet"] = (key.protocol in ("udp", "")) and draw(st.booleans())
    found = draw(st.lists(destinations(key), max_size=4))
    unique = {wanted.destination_key(entry, key): entry for entry in found}
    return wanted.service({**options, "destinations": list(unique.values())})


def tables() -> st.SearchStrategy[Table]:
    return st.lists(services(), max_size=5).map(lambda found: {service.key: service for service in found})
