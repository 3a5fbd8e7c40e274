# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake ipvsadm against the real one: the same commands, and what the real one was recorded to answer."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import parse
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.runner import Ipvsadm
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.ipvs.fake_kernel import FakeKernel

FIXTURES = Path(__file__).with_name("fixtures")
RULES = (FIXTURES / "table.rules").read_text() + (FIXTURES / "mixed.rules").read_text()
# What fixtures/record.sh runs on purpose against the table of RULES.
WEB = "-t 10.0.0.100:80"
REFUSED = {
    "service_twice": f"-A {WEB} -s rr",
    "destination_twice": f"-a {WEB} -r 10.0.0.12:80 -g",
    "service_missing": "-E -t 10.0.0.250:80 -s rr",
    "destination_missing": f"-e {WEB} -r 10.0.0.250:80 -g",
    "not_defined": "-a -t 10.0.0.250:80 -r 10.0.0.11:80 -g",
    "scheduler": "-A -t 10.0.0.251:80 -s nosuch",
    "thresholds": f"-a {WEB} -r 10.0.0.13:80 -g -x 5 -y 10",
    "family": f"-a {WEB} -r [2001:db8::1]:80 -g",
    "multicast": f"-a {WEB} -r 224.1.1.1:80 -g",
    "daemon_none": "--stop-daemon master",
    "daemon_interface": "--start-daemon master --mcast-interface missing0",
}

release = pytest.mark.parametrize("folder", sorted(FIXTURES.glob("debian*")), ids=lambda folder: folder.name)


@pytest.fixture
def kernel() -> FakeKernel:
    found = FakeKernel()
    assert found(["ipvsadm", "-R"], RULES).rc == 0
    return found


@release
def test_it_saves_what_the_real_one_saved(kernel: FakeKernel, folder: Path) -> None:
    saved = (folder / "saved.txt").read_text()
    assert sorted(kernel(["ipvsadm", "-Sn"]).out.splitlines()) == sorted(saved.splitlines())
    limits = parse.numbers((folder / "thresholds.txt").read_text(), parse.Activity)
    assert parse.table(saved, limits) == Ipvsadm(kernel).read().table


@release
@pytest.mark.parametrize(
    ("file", "row", "options"),
    [
        ("thresholds", parse.Activity, ["--thresholds"]),
        ("persistent", parse.Persistence, ["--persistent-conn"]),
        ("stats", parse.Counters, ["--stats", "--exact"]),
    ],
)
def test_it_lists_the_same_records(
    kernel: FakeKernel, folder: Path, file: str, row: type[t.Any], options: list[str]
) -> None:
    printed = kernel(["ipvsadm", "-Ln", *options]).out
    recorded = (folder / f"{file}.txt").read_text()
    assert parse.numbers(printed, row).keys() == parse.numbers(recorded, row).keys()


@release
@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_with_the_same_words(kernel: FakeKernel, folder: Path, name: str) -> None:
    code, _newline, words = (folder / f"refused_{name}.txt").read_text().partition("\n")
    result = kernel(["ipvsadm", *REFUSED[name].split()])
    assert (result.rc, result.err) == (int(code), words)


@release
def test_every_recorded_refusal_is_compared(folder: Path) -> None:
    recorded = {path.stem.removeprefix("refused_") for path in folder.glob("refused_*.txt")}
    # This one needs a daemon, which goes with none of the destinations of another family in RULES.
    kernel = FakeKernel()
    start = ["ipvsadm", "--start-daemon", "master", "--mcast-interface", "eth0"]
    assert kernel(start).rc == 0
    code, _newline, words = (folder / "refused_daemon_twice.txt").read_text().partition("\n")
    assert (kernel(start).rc, kernel(start).err) == (int(code), words)
    assert recorded == {*REFUSED, "daemon_twice"}
