# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verifications watch with ends, and fails where it has seen nothing."""

from __future__ import annotations

import contextlib
import http.server
import importlib
import pathlib
import re
import socket
import threading
import types
import typing as t

import pytest

TESTS = pathlib.Path(__file__).parents[3] / "molecule" / "resources" / "tests"
LAB = types.SimpleNamespace(sandbox=types.SimpleNamespace(cable=lambda host: []))


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[str], t.Any]:
    """Modules of the verifications, which are short of patience."""
    monkeypatch.syspath_prepend(TESTS)
    monkeypatch.setattr("lab.client.PATIENCE", 1)
    return importlib.import_module


@pytest.fixture
def alive() -> t.Iterator[int]:
    """The port of somebody who answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def dead() -> int:
    """The port of nobody."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def asking(clients: t.Any, port: int) -> t.ContextManager[dict[str, t.Any]]:
    service = clients.Service("tcp", "127.0.0.1", port, "", 0)
    found: t.ContextManager[dict[str, t.Any]] = clients.Clients(LAB, [service]).asking(f"to {port}", most=2)
    return found


def test_where_nobody_answers_nothing_begins(helper: t.Callable[[str], t.Any], dead: int) -> None:
    clients = helper("clients")
    with pytest.raises(AssertionError, match="nobody answers"), asking(clients, dead):
        pytest.fail("it has begun")
    assert "Connect call failed" in clients.REPORT[-1], "what was seen is told"


def test_what_a_failing_block_has_seen_is_told(helper: t.Callable[[str], t.Any], alive: int) -> None:
    clients = helper("clients")
    with pytest.raises(ZeroDivisionError), asking(clients, alive) as seen:
        raise ZeroDivisionError
    assert seen["127.0.0.1"]["failed"] == 0
    assert clients.REPORT[-1].startswith(f"to {alive}, tcp 127.0.0.1 {alive}: 0.")


def test_a_crowd_that_nobody_answers_does_not_begin(helper: t.Callable[[str], t.Any], dead: int) -> None:
    with pytest.raises(AssertionError, match="nobody answers"), helper("crowd").crowd(LAB, "127.0.0.1", dead):
        pytest.fail("it has begun")


def test_a_crowd_is_heard_to_the_end(helper: t.Callable[[str], t.Any], alive: int) -> None:
    with helper("crowd").crowd(LAB, "127.0.0.1", alive) as seen:
        pass
    assert seen["asked"] > 0 and seen["failed"] == 0


def test_who_does_not_end_is_killed(helper: t.Callable[[str], t.Any]) -> None:
    client = helper("lab.client")
    process = client.subprocess.Popen(["sleep", "60"], stdin=-1, stdout=-1, text=True)
    assert (client.last_words(process, 0.1), process.returncode) == ("", -9)


HELD = {"app": ["lb1"]}


@pytest.mark.parametrize(
    ("looks", "error"),
    [([HELD], None), ([HELD, {"app": ["lb2"]}], AssertionError), ([HELD, RuntimeError("unreachable")], RuntimeError)],
    ids=["quiet", "moved", "nobody could look"],
)
def test_every_look_counts(
    helper: t.Callable[[str], t.Any],
    monkeypatch: pytest.MonkeyPatch,
    looks: list[t.Any],
    error: type[Exception] | None,
) -> None:
    """Those that fail too, however many there were before."""
    pair = helper("pair")
    monkeypatch.setattr(pair, "PAUSE", 0.001)
    watched, ahead, enough = pair.Pair(LAB, ["lb1", "lb2"], []), list(looks), threading.Event()

    def look() -> t.Any:
        if len(ahead) == 1:
            enough.set()
        now = ahead.pop(0) if ahead[1:] else ahead[0]
        if isinstance(now, Exception):
            raise now
        return now

    watched.settle, watched.look = (lambda: {"app": "lb1"}), look
    with pytest.raises(error) if error else contextlib.nullcontext(), watched.one_holder_at_every_look():
        assert enough.wait(10)


TABLE = """\
-A -t 192.0.2.100:8080 -s wrr
-a -t 192.0.2.100:8080 -r 192.0.2.21:8080 -g -w 1
-a -t 192.0.2.100:8080 -r 192.0.2.22:8080 -g -w 2
-A -t [2001:db8:0:2::100]:8080 -s wrr
-a -t [2001:db8:0:2::100]:8080 -r [2001:db8:0:2::22]:8080 -g -w 2
"""


@pytest.mark.parametrize(
    ("host", "lost", "lacks"),
    [
        ("lb1", "", ""),
        (
            "lb2",
            "-a -t [2001:db8:0:2::100]:8080 -r [2001:db8:0:2::22]:8080 -g -w 2\n",
            "lb2: -t [2001:db8:0:2::100]:8080",
        ),
        ("lb1", "-a -t 192.0.2.100:8080 -r 192.0.2.22:8080 -g -w 2\n", "lb1: -t 192.0.2.100:8080"),
        ("lb1", TABLE, "lb1: no services"),
    ],
    ids=["all", "the second", "the first", "no services"],
)
def test_a_real_server_is_waited_for_in_every_pool(
    helper: t.Callable[[str], t.Any], monkeypatch: pytest.MonkeyPatch, host: str, lost: str, lacks: str
) -> None:
    pair = helper("pair")
    monkeypatch.setattr(pair.until, "__defaults__", (0,))
    lab = types.SimpleNamespace(run=lambda name, _command: TABLE.replace(lost, "") if name == host else TABLE)
    asserted = pytest.raises(AssertionError, match=re.escape(lacks)) if lacks else contextlib.nullcontext()
    with asserted:
        pair.Pair(lab, ["lb1", "lb2"], []).wait_for_server(["192.0.2.22", "2001:db8:0:2::22"])
