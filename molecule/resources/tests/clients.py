# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients under whose eyes directors die: some ask every 20 ms, some have a download under way."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ipaddress
import json
import pathlib
import subprocess
import sys
import typing as t

import pytest
from described import Service

from lab.client import PROGRAM, first_line, fresh_ports, last_words
from lab.cluster import Lab

LAB = pathlib.Path(__file__).resolve().parents[3] / "lab"
STEADY, DOWNLOAD = LAB / "steady.py", LAB / "download.py"
# Where no request may fail: slow is not lost, and this machine may be busy.
PATIENT = 5
# Where the time without an answer is measured.
ALERT = 0.25
# Seconds after which somebody who asks gives up in any case: longer than any playbook takes.
MOST = 900
# Seconds that the last requests have to end, among them those that wait for somebody who answers again.
END = 60
BYTES = 100

REPORT: list[str] = []
"""What all clients saw, for the end of the verification."""


class Download(subprocess.Popen[str]):
    """One that is under way, from a port of the client's."""

    def __init__(self, argv: list[str], service: Service, port: int) -> None:
        super().__init__(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.service, self.port = service, port

    def lacks(self, seconds: float | None = None) -> str:
        """Why it has not come to its end, for which it has so many seconds more; nothing where it has."""
        try:
            # communicate() would not look at all where no time is left
            self.wait(seconds)
        except subprocess.TimeoutExpired:
            return "still under way"
        (answer,) = json.loads(self.communicate()[0])
        return "" if answer.get("bytes") == BYTES else json.dumps(answer)


class Clients:
    """One for each of these services, whose VIP may be a name that these servers know."""

    def __init__(self, lab: Lab, services: list[Service], name_servers: t.Sequence[str] = ()) -> None:
        self.lab, self.services, self.name_servers = lab, services, name_servers

    @contextlib.contextmanager
    def asking(
        self, why: str, timeout: float = ALERT, pace: float = 0, most: float = MOST
    ) -> t.Iterator[dict[str, dict[str, t.Any]]]:
        """They ask every 20 ms meanwhile, or where no request may fail every 50 ms; afterwards the mapping has by VIP what they saw (see lab/steady.py)."""
        pace = pace or (0.05 if timeout == PATIENT else 0.02)
        options = [f"--timeout={timeout}", f"--interval={pace}", f"--most={most}"]
        started = {
            service: self._start([STEADY, service.vip, service.port, *options, *self._resolver(service)])
            for service in self.services
        }
        seen: dict[str, dict[str, t.Any]] = {}
        try:
            for service, process in started.items():
                assert first_line(process) == "answered\n", f"nobody answers: {service}"
            yield seen
        finally:
            # side by side, and told of a block that fails too
            with concurrent.futures.ThreadPoolExecutor(len(started)) as pool:
                said = list(pool.map(lambda process: last_words(process, END), started.values()))
            for service, words in zip(started, said, strict=True):
                assert words, f"who asks does not end: {service}"
                found = seen[service.vip] = json.loads(words.splitlines()[-1])
                times = [
                    f"{reason}: {n}, from {first} to {last} s" for reason, (n, first, last) in found["why"].items()
                ]
                count = "; ".join([f"{found['failed']} of {found['asked']} failed", *times])
                REPORT.append(f"{why}, {service}: {found['gap']:.2f} s, {count}")

    def download(self, service: Service, seconds: float = 10) -> Download:
        """Begin one that takes so long, from a port that no connection had lately."""
        port = fresh_ports(self.lab, 1)
        words = [
            PROGRAM,
            "tcp",
            service.vip,
            service.port,
            "--path",
            f"/drip/{BYTES}/{seconds / BYTES}",
            "--first-port",
            port,
            "--timeout",
            seconds + 80,
        ]
        return Download(self._argv(words), service, port)

    def hold(self, service: Service) -> Held:
        """Begin a download that goes on until it is ended."""
        return Held(self._start([DOWNLOAD, service.vip, service.port]))

    def is_known(self, download: Download, director: str) -> None:
        """Wait until the director has learned of it from the other one."""
        vip = ipaddress.ip_address(download.service.vip)
        written = f"{vip:X}" if vip.version == 4 else vip.exploded
        found = f"grep -qi ' {download.port:04X} .*{written}.*ESTABLISHED.*SYNC' /proc/net/ip_vs_conn_sync"
        shown = "cat /proc/net/ip_vs_conn_sync >&2"
        self.lab.run(director, f"for i in $(seq 100); do {found} && exit 0; sleep 0.1; done; {shown}; exit 1")

    def _resolver(self, service: Service) -> list[str]:
        is_name = service.vip.rpartition(".")[2].isalpha()
        return [f"--name-server={server}" for server in self.name_servers if is_name]

    def _start(self, words: t.Iterable[object]) -> subprocess.Popen[str]:
        return subprocess.Popen(self._argv(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _argv(self, words: t.Iterable[object]) -> list[str]:
        return [*self.lab.sandbox.cable("client"), sys.executable, *map(str, words)]


class Held:
    """A download under way, from ``server``. It may be slow for a moment, but not stand still."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.server = first_line(process).strip()
        if not self.server:
            process.kill()
        assert self.server, "nobody answers"

    def ends_well(self) -> None:
        """End it; to the last moment bytes have come."""
        seen = json.loads(self._process.communicate()[0])
        assert not seen["cut"] and seen["gap"] < PATIENT, f"a download from {self.server}: {seen}"


def broken(downloads: t.Iterable[Download]) -> list[str]:
    """Those that did not come to their ends, and why."""
    return [f"{one.service}: {why}" for one in downloads if (why := one.lacks())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What clients saw: the longest gap, and how many requests failed."""
    terminalreporter.section("longest time without an answer")
    for line in REPORT:
        terminalreporter.line(line)
