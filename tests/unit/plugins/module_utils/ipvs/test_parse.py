# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what ipvsadm prints: recorded output (fixtures/record.sh makes it), and what must not be misread."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import parse, render
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.model import Destination, Service, ServiceKey, Tunnel
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.runner import Ipvsadm
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.ipvs.fake_kernel import FakeKernel

FIXTURES = Path(__file__).with_name("fixtures")
FOLDERS = sorted(FIXTURES.glob("debian*"))
WEB = ServiceKey("ipv4", 0, "tcp", "10.0.0.100", 80)

release = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@release
def test_every_recorded_listing_is_understood(folder: Path) -> None:
    limits = parse.numbers((folder / "thresholds.txt").read_text(), parse.Activity)
    table = parse.table((folder / "saved.txt").read_text(), limits)
    web = {found.key: found for found in table[WEB].destinations}
    assert web["10.0.0.11", 8080] == Destination("10.0.0.11", 8080, "nat", 3, 100, 50)
    assert web["10.0.0.30", 80] == Destination("10.0.0.30", 80, "dr", 2147483647)
    assert table[WEB].scheduler_flags == ("sh-fallback", "sh-port")
    assert parse.header((folder / "thresholds.txt").read_text()).version == "1.2.1"
    rows = {
        "stats": parse.Counters,
        "rate": parse.Counters,
        "persistent": parse.Persistence,
        "thresholds": parse.Activity,
    }
    for name, row in rows.items():
        numbers = parse.numbers((folder / f"{name}.txt").read_text(), row)
        found = {key for key, place in numbers if place is not None}
        assert found == {key for key, service in table.items() if service.destinations}
    assert all(parse.timeouts((folder / "timeout.txt").read_text()))
    master, backup = parse.daemons((folder / "daemon.txt").read_text())
    assert (master.role, master.sync_id, master.group, master.port, master.ttl) == ("master", 5, "224.0.0.81", 8848, 1)
    assert backup[2:] == (5, 1400, "224.0.0.99", 8850, 3)
    assert parse.daemons((folder / "daemon_none.txt").read_text()) == ()
    assert parse.connections((folder / "conn_sync.txt").read_text()) == []


@release
def test_what_was_saved_is_rendered_the_same(folder: Path) -> None:
    # The one thing that ipvsadm prints but does not take back: a mark as a signed number.
    saved = (folder / "saved.txt").read_text().replace("-f -1 ", "-f 4294967295 ")
    assert sorted(render.rules(parse.table(saved, {})).splitlines()) == sorted(saved.splitlines())


def test_everything_in_the_grammar_is_read_and_rendered() -> None:
    kernel = FakeKernel()
    rules = (FIXTURES / "table.rules").read_text()
    assert kernel(["ipvsadm", "-R"], rules).rc == 0
    table = Ipvsadm(kernel).read().table
    assert sorted(render.rules(table).splitlines()) == sorted(rules.splitlines())
    assert table[ServiceKey("ipv4", 4294967295)].scheduler == "rr", "printed as -1"
    gue = next(
        d for d in table[ServiceKey("ipv4", 0, "tcp", "10.0.0.101", 80)].destinations if d.address == "10.0.0.24"
    )
    assert gue == Destination("10.0.0.24", 80, "tun", 10, 7, 0, Tunnel("gue", 6081, "remcsum"))


def test_wide_values_push_columns_but_not_the_reader() -> None:
    listing = "FWM  7 IPv6 wlc\n  -> [2001:db8:1111:2222:3333:4444:5555:6666]:443 2147483647 2147483646 5 6\n"
    key = (ServiceKey("ipv6", 7), ("2001:db8:1111:2222:3333:4444:5555:6666", 443))
    assert parse.numbers(listing, parse.Activity) == {key: (2147483647, 2147483646, 5, 6)}


def test_a_column_more_or_less_is_named() -> None:
    for numbers in ("1 2 3", "1 2 3 4 5"):
        with pytest.raises(parse.ParseError, match="it has not 4 numbers"):
            parse.numbers(f"TCP 10.0.0.1:80 wlc\n  -> 10.0.0.11:80 {numbers}\n", parse.Activity)


def test_a_flag_bit_without_a_name_is_no_flag() -> None:
    key = ServiceKey("ipv4", 0, "tcp", "10.0.0.1", 80)
    assert parse.table("-A -t 10.0.0.1:80 -s sh -b ", {}) == {key: Service(key, "sh")}


@pytest.mark.parametrize(
    "line",
    [
        "-A -t 10.0.0.1:80 -s rr --new-option 5",
        "-A -x 10.0.0.1:80 -s rr",
        "-A -t 10.0.0.1:80 -s rr -p",
        "-A -t 10.0.0.1:80 -s rr -p 60 -M 255.0.255.0",
        "-A -t 10.0.0.1:80 -s rr -p 60 -M 0.0.0.255",
        "-A -t 10.0.0.1 -s rr",
        "-A -t lb.example:http -s rr",
        "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1",
        "-Z",
        "-A",
        "Segmentation fault",
    ],
)
def test_what_is_not_understood_is_named(line: str) -> None:
    with pytest.raises(parse.ParseError) as failed:
        parse.table(f"-A -t 10.0.0.9:80 -s rr\n{line}\n", {})
    assert failed.value.line == line and "\n" not in str(failed.value)


@pytest.mark.parametrize("text", ["", "IP Virtual Server", "ipvsadm: error"])
def test_odd_headers_timeouts_and_daemons_are_named(text: str) -> None:
    with pytest.raises(parse.ParseError):
        parse.header(text)
    with pytest.raises(parse.ParseError):
        parse.timeouts(text)
    if text:
        with pytest.raises(parse.ParseError):
            parse.daemons(text)


def test_connections_tell_what_another_director_said() -> None:
    proc = (
        "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n"
        "TCP C0A8320A A6AA C0A83264 0050 C0A8320B 0050 ESTABLISHED SYNC       899\n"
        "TCP 20010db8000000000000000000000010 A6AA x 0050 y 0050 FIN_WAIT    LOCAL      118\n"
    )
    good = "\n".join(proc.splitlines()[:2])
    (found,) = parse.connections(good)
    assert (found["client"], found["client_port"], found["virtual"]) == ("192.168.50.10", 42666, "192.168.50.100")
    assert (found["destination"], found["destination_port"], found["origin"]) == ("192.168.50.11", 80, "SYNC")
    zeros = "0000:0000:0000:0000:0000"
    ipv6 = f"TCP 2001:0db8:{zeros}:0010 A6AA 2001:0db8:{zeros}:0100 01BB C0A8320B 01BB X LOCAL 1"
    (found,) = parse.connections(f"Pro\n{ipv6}\n")
    assert (found["client"], found["virtual"], found["virtual_port"]) == ("2001:db8::10", "2001:db8::100", 443)
    assert found["destination"] == "192.168.50.11"
    with pytest.raises(parse.ParseError):
        parse.connections(proc)
