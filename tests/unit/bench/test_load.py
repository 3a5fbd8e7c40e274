# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client that asks by the clock, and what processes cost."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
import typing as t

import pytest

from bench import offered, processes

BURN = """\
import subprocess, sys, time
while time.process_time() < 0.2:
    pass
if len(sys.argv) > 1:
    subprocess.run([sys.executable, "-c", sys.argv[1]], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
print(time.process_time(), flush=True)
sys.stdin.read()
"""


class Handler(http.server.BaseHTTPRequestHandler):
    asked: t.ClassVar[list[float]] = []

    def do_GET(self) -> None:
        self.asked.append(time.monotonic())
        status = 200 if self.path == "/good" else 503
        self.send_response(status)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"12345")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> t.Iterator[int]:
    Handler.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_load_is_offered_by_the_clock(port: int) -> None:
    load = offered.Offered("127.0.0.1", port, "/good")
    load.run(rate=50, seconds=0.4)
    assert (load.good, load.failed, len(Handler.asked)) == (20, 0, 20)
    # the first at the beginning, the last one interval before the end
    assert Handler.asked[-1] - Handler.asked[0] > 0.3


def test_other_answers_and_none_are_failed(port: int) -> None:
    other = offered.Offered("127.0.0.1", port, "/other")
    other.run(rate=100, seconds=0.05)
    closed = offered.Offered("127.0.0.1", 1, "/good")
    closed.run(rate=100, seconds=0.05)
    assert (other.good, other.failed) == (0, 5)
    assert (closed.good, closed.failed) == (0, 5)


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        (b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\n\r\nab", False),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nabc", False),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", False),
        (b"", False),
    ],
)
def test_whole_answers(answer: bytes, good: bool) -> None:
    assert offered.whole(answer) is good


@pytest.mark.parametrize("below", [[], [BURN]], ids=["alone", "with a child that ended"])
def test_cpu_time_of_a_process_and_all_below_it(below: list[str]) -> None:
    # the shell is above it, and takes next to nothing itself
    argv = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", BURN, *below]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        own = float(process.stdout.readline())
        found = processes.cpu(process.pid)
        process.communicate("")
    wanted = own + 0.2 * len(below)
    assert wanted - 0.02 <= found <= wanted + 0.2


def test_a_process_that_is_gone_cost_nothing_more() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert processes.cpu(process.pid) == 0


def test_one_core_and_the_rest() -> None:
    before = os.sched_getaffinity(0)
    own, rest = processes.apart()
    assert len(own) == 1
    assert own | rest == before
    with processes.confined(own):
        assert os.sched_getaffinity(0) == own
    assert os.sched_getaffinity(0) == before


def test_pinned_with_what_it_started() -> None:
    own, _rest = processes.apart()
    with subprocess.Popen(["sh", "-c", "cat; exit"], stdin=subprocess.PIPE) as process:
        below = [process.pid]
        while len(below) < 2:
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
                below = [process.pid, *map(int, children.read().split())]
        processes.pin(process.pid, own)
        assert [os.sched_getaffinity(pid) for pid in below] == [own, own]
        process.communicate(b"")
