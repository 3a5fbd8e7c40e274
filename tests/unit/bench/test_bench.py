# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the measurements rest on: reading what the client prints, the page, and large stacks without a fault."""

from __future__ import annotations

import pathlib

import pytest

from bench import configurations, director, page, planning, proxies, site, stacks, tools

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


def test_paragraphs_are_wrapped_and_tables_are_not() -> None:
    words, row = "word " * 40, "| " + "cell " * 40 + "|"
    lines = page.wrapped(f"{words}\n\n![{words}](picture.svg)\n\n{row}\n{row}\n").split("\n")
    assert [len(line) > page.WIDTH for line in lines] == [False, False, False, True, False, True, True, False]


RECAP = """\
PLAY RECAP *****
lb1                        : ok=16   changed=1    unreachable=0    failed=0    skipped=7    rescued=0    ignored=0
web1                       : ok=9    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0

{"on_hosts": {"lb1": 5}}
"""


def test_tasks_of_each_host() -> None:
    assert site.counts(RECAP) == {"lb1": (16, 5), "web1": (9, 0)}


def test_lines_and_panels_of_the_balancers() -> None:
    least = director.Cost(1500, 0.1, 0.05, 0.0001, 6.4, 6.5, 400, 500)
    other = director.Cost(750, 0.5, 0.05, 0.00025, 7, 8, 1900, 2000)
    line = director.line("nginx", "1 kB", other, least)
    assert line == ["nginx", "1 kB", "0.250 ms", "2.5", "7.0", "8.0", "1,900", "2,000", "750", "50%"]
    costs = {(way, "1 kB"): least for way in director.WAYS}
    panels = director.panels(costs, "1 kB")
    assert [sorted(panel["series"]) for panel in panels] == [[""], [""], ["in", "out"], ["in", "out"]]
    assert panels[3]["series"]["out"] == [0.5] * len(director.WAYS)


def test_the_median_of_a_daemon_is_taken_of_each_figure() -> None:
    seen = [proxies.Seen(tools.Load(good, 0, rate, 0.01, 0.2), cpu, 0.9) for good, rate, cpu in PROXY_ROUNDS]
    middle = proxies.middle(seen)
    assert (middle.load.good, middle.load.rate, middle.cpu) == (200, 30.0, 2e-5)
    assert proxies.line("nginx", "role", 100, middle) == [
        "nginx",
        "role",
        "100",
        "30",
        "10.0 ms",
        "0.0%",
        "20 µs",
        "90%",
    ]


def test_bytes_are_counted_alike_in_both_directions() -> None:
    counted = {"rx_packets": 6, "tx_packets": 6, "rx_bytes": 380, "tx_bytes": 464}
    assert director.at_ip(counted) == {**counted, "tx_bytes": 380}


PROXY_ROUNDS = ((100, 50.0, 3e-5), (200, 10.0, 2e-5), (300, 30.0, 1e-5))


def test_a_daemon_that_answers_nothing_has_no_times() -> None:
    nothing = proxies.Seen(tools.Load(0, 10, 0, 0), 0, 0.5)
    assert proxies.line("haproxy", "role", 10000, nothing) == [
        "HAProxy",
        "role",
        "10,000",
        "0",
        "",
        "100.0%",
        "",
        "50%",
    ]


@pytest.mark.parametrize("daemon", ["nginx", "haproxy"])
def test_both_configurations_have_the_same_servers(daemon: str) -> None:
    text = str(configurations.part(daemon))
    assert all(address in text for address in configurations.SERVERS.values())
    assert "192.0.2.2" not in text


def test_files_are_moved_below_a_folder(tmp_path: pathlib.Path) -> None:
    configurations.lay_down(
        tmp_path,
        {
            "/etc/nginx/nginx.conf": "user www-data;\npid /run/nginx.pid;\nhttp {\n    include /etc/nginx/mime.types;\n}\n",
            "/etc/haproxy/haproxy.cfg": "global\n    chroot /var/lib/haproxy\n    stats socket /run/haproxy/a.sock mode 660\n",
        },
    )
    nginx = (tmp_path / "etc/nginx/nginx.conf").read_text(encoding="utf-8")
    assert "user" not in nginx
    assert f"pid {tmp_path}/run/nginx.pid;" in nginx
    assert f"include {tmp_path}/etc/nginx/mime.types;" in nginx
    assert f"proxy_temp_path {tmp_path}/var/lib/nginx/proxy;" in nginx
    haproxy = (tmp_path / "etc/haproxy/haproxy.cfg").read_text(encoding="utf-8")
    assert haproxy == f"global\n    stats socket {tmp_path}/run/haproxy/a.sock level admin\n"
