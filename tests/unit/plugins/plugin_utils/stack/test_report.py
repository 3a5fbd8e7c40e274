# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a stack; tests/browser looks at the page that it is on."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.report.dot import MOST, stack_dot
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.report.states import host_state
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.report.svg import stack_svg
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.load import load
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.status import status

Status = dict[str, t.Any]


def seen_of(world: t.Any, **seen: t.Any) -> Status:
    stack, _findings = load({"tiers": world.tiers})
    return status(stack, world.inventory(), seen)


def edges(dot: str) -> dict[str, str]:
    """The arrows from tier to tier, by class."""
    found = {}
    for line in dot.splitlines():
        if "class=" in line and " -> " in line:
            tail, head = (word.strip().strip('"').partition("/")[0] for word in line.partition(" [")[0].split(" -> "))
            found[f"{tail} -> {head}"] = line.partition('class="')[2].partition('"')[0]
    return found


@pytest.mark.parametrize(
    ("mode", "reply"), [("dr", "web -> clients"), ("tun", "web -> clients"), ("nat", "web -> app")]
)
def test_replies_go_the_way_of_the_mode(world: t.Any, mode: str, reply: str) -> None:
    wanted = {"clients -> app": "request", "app -> web": "request", reply: "reply"}
    assert edges(stack_dot(seen_of(world(mode)), live=False)) == wanted


def test_clients_are_led_by_names_and_ask_what_is_behind(world: t.Any) -> None:
    wanted = {"clients -> app": "lead", "app -> web": "lead", "clients -> web": "request"}
    assert edges(stack_dot(seen_of(world("dns")), live=False)) == wanted


def test_what_nobody_answered_for_is_bad_and_what_nobody_asked_is_not(world: t.Any) -> None:
    found = seen_of(world("dr"))
    assert 'class="host bad"' in stack_dot(found) and "on nobody" in stack_dot(found)
    assert "bad" not in stack_dot(found, live=False) and "nobody" not in stack_dot(found, live=False)


def test_a_host_is_as_its_balancer_says(world: t.Any) -> None:
    found = seen_of(world("dr"))
    app, web = found["tiers"]
    for host in found["hosts"].values():
        host["reached"] = True
    found["findings"] = []
    for state, word in (("up", "ok"), ("drained", "drained"), ("down", "bad")):
        for row in app["members"]:
            row.update(state=state, weight=2, active=5)
        assert host_state("web1", web, found).name == word
    assert host_state("web1", web, found).words[:2] == ("weight 2", "5 open")
    found["hosts"]["lb1"]["vips"] = [vip["address"] for vip in app["vips"]]
    assert host_state("lb1", app, found) == ("ok", ("holds the VIPs",))


def test_many_hosts_are_counted(world: t.Any) -> None:
    made = world("dr")
    made.groups["web"] = [f"web{number}" for number in range(1, MOST + 2)]
    for number in range(3, MOST + 2):
        made.host(f"web{number}", lb_addresses=[f"192.0.2.{100 + number}/24"])
    dot = stack_dot(seen_of(made))
    assert f"{MOST + 1} hosts, {MOST + 1} not well" in dot and "web7" not in dot


def test_names_are_text(world: t.Any) -> None:
    made = world("dr")
    made.groups["web"] = ['a"><b']
    made.host('a"><b', lb_addresses=["192.0.2.21/24"])
    dot = stack_dot(seen_of(made))
    assert '<B>a"&gt;&lt;b</B>' in dot and '"web/a\\"><b"' in dot


def test_the_picture_takes_the_page_s_width_and_colours() -> None:
    drawn = '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<!-- by -->\n<svg width="30pt" height="8pt" viewBox="0 0 30 8">'
    drawn += '<path fill="none" stroke="black"/><polygon fill="black" stroke="black"/></svg>\n'
    found = stack_svg(drawn)
    assert found.startswith("<svg role=") and "max-width: 40px" in found and "pt" not in found
    assert '<path fill="none"/><polygon/>' in found
    with pytest.raises(ValueError, match="no SVG"):
        stack_svg("")
