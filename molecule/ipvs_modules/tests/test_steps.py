# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step did what is written there, on every host; the tables were written by hand, in ipvsadm's own words."""

from __future__ import annotations

import re
import typing as t

SAME = ("changed", "commands", "before", "after", "diff")

Result = dict[str, t.Any]


def test_step(step: Result, taken: Result) -> None:
    """One test a step, as its parts are of one run: error or result, prediction, second run, table."""
    result = taken["predicted" if step.get("check_only") else "done"]
    if "error" in step:
        assert re.search(step["error"], result.get("msg", "")), result
        assert "\n" not in result["msg"]
    else:
        assert "msg" not in result, result["msg"]
        assert result["changed"] == bool(result.get("commands")), "changed is what there were commands for"
    if "commands" in step:
        assert result["commands"] == step["commands"]
    for name, value in step.get("returns", {}).items():
        assert result[name] == value, name
    if "error" not in step and not step.get("check_only"):
        predicted = taken["predicted"]
        assert {name: predicted.get(name) for name in SAME} == {name: result.get(name) for name in SAME}
        again = taken["again"]
        assert (again["changed"], again.get("commands", [])) == (False, []), again
    assert sorted(taken["seen"]) == sorted(step["shows"].strip().splitlines())


def test_a_difference_is_shown(step: Result, taken: Result) -> None:
    """Whatever changes has a difference with text in it; nothing else has one."""
    done = taken.get("done", {})
    if "diff" in done:
        assert bool(done["diff"]) == done["changed"]
        assert all(part["before"] != part["after"] for part in done["diff"])
