# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the measurements rest on: reading what the client prints, the page, and large stacks without a fault."""

from __future__ import annotations

import pathlib

import pytest

from bench import page, planning, stacks, tools

WRK = """\
Running 6s test @ http://127.0.0.1:18000/
  1 threads and 10000 connections
  Latency Distribution
     50%  142.60ms
     99%    2.73s
  30000 requests in 6.00s, 31.27MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 3000
Requests/sec:   5000.00
"""


def test_what_the_client_saw() -> None:
    load = tools.read(WRK)
    assert load == tools.Load(good=27000, failed=3010, rate=4500.0, p99=2.73)
    assert load.failed_share == pytest.approx(3010 / 30010)


def test_a_client_that_saw_nothing_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        tools.read("unable to connect to 127.0.0.1:18000 Connection refused")


def test_a_part_replaces_its_own_section_and_keeps_the_order(tmp_path: pathlib.Path) -> None:
    path, titles = tmp_path / "page.md", ["First", "Second"]
    page.write(path, titles, "Second", "two\n\n### Not a section\n")
    page.write(path, titles, "First", "one\n")
    page.write(path, titles, "First", "another\n")
    text = path.read_text(encoding="utf-8")
    assert page.sections(text) == {"First": "\nanother\n\n", "Second": "\ntwo\n\n### Not a section\n"}
    assert text.startswith(page.HEAD)


@pytest.mark.parametrize("shape", stacks.SHAPES)
def test_large_stacks_are_sound(shape: str) -> None:
    found = planning.plan(shape)
    assert found["findings"] == []
    assert found["hosts"] > 990
    assert found["destinations"] >= 500
