# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel modules a tier needs, and what of the IPVS table is its own."""

from __future__ import annotations

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.lvs import kernel


def names(*arguments: object) -> list[str]:
    return [module["name"] for module in kernel.ipvs_modules(*arguments)]  # type: ignore[arg-type]


def test_ip_vs_comes_first_and_each_module_once() -> None:
    services = [{"scheduler": "wrr"}, {"scheduler": "sh"}, {"scheduler": "wrr"}]
    assert names(services) == ["ip_vs", "ip_vs_sh", "ip_vs_wrr"]


@pytest.mark.parametrize("service", [{}, {"scheduler": None}, {"scheduler": ""}])
def test_a_service_without_a_scheduler_has_the_default_of_ipvsadm(service: dict[str, object]) -> None:
    assert names([service]) == ["ip_vs", "ip_vs_wlc"]


def test_a_service_that_has_no_scheduler_takes_no_module() -> None:
    assert names([{"scheduler": "none"}]) == ["ip_vs"]


def test_persistence_engines_and_helpers_are_modules_too() -> None:
    assert names([{"scheduler": "rr", "persistence_engine": "sip"}], ["ftp", "sip"]) == [
        "ip_vs",
        "ip_vs_ftp",
        "ip_vs_pe_sip",
        "ip_vs_rr",
    ]


def test_the_size_of_the_connection_table_is_a_parameter_only_where_one_is_given() -> None:
    assert kernel.ipvs_modules([])[0] == {"name": "ip_vs", "parameters": {}}
    assert kernel.ipvs_modules([], [], 16)[0] == {"name": "ip_vs", "parameters": {"conn_tab_bits": 16}}


def test_an_unknown_helper_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="unknown helper tftp: known are ftp, sip"):
        kernel.ipvs_modules([], ["ftp", "tftp"])


def test_a_tier_owns_its_vips_and_its_marks_each_once() -> None:
    services = [{"fwmark": 7}, {"fwmark": "7", "family": "ipv6"}, {"fwmark": 2}, {"protocol": "tcp"}, {"fwmark": None}]
    assert kernel.ipvs_scope(["192.0.2.100"], services) == ["192.0.2.100", {"fwmark": 2}, {"fwmark": 7}]


def test_a_tier_without_services_still_owns_its_vips() -> None:
    assert kernel.ipvs_scope(["192.0.2.100", "2001:db8::100"], []) == ["192.0.2.100", "2001:db8::100"]
