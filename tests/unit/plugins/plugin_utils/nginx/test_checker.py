# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checker as it runs on hosts: real processes, real sockets on the loopback, and a program in nginx's place."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import importlib.util
import json
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[5]
PROGRAM = ROOT / "roles/nginx_lb/files/checker.py"
POOLS = ROOT / "plugins/plugin_utils/nginx/pools.py"
PATIENCE = 20
INTERVAL = 0.05
# As its unit runs it: root without CAP_KILL may send no signal to its child, which is another user's.
POWERLESS = """
import os, runpy, sys

def kill(*words):
    raise PermissionError(1, "Operation not permitted")

os.kill = os.killpg = kill
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def loaded() -> t.Any:
    """The program as a module, beside its other file as on a host."""
    sys.path.insert(0, str(POOLS.parent))
    try:
        spec = importlib.util.spec_from_file_location("checker", PROGRAM)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(POOLS.parent))
    return module


checker = loaded()


class Backend:
    """An HTTP server whose status can be changed; ``asked`` counts requests since then."""

    def __init__(self) -> None:
        self.status, self.asked, self.heads = 200, 0, []
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                backend.asked += 1
                backend.heads.append((self.path, self.headers["Host"]))
                self.send_response(backend.status)
                self.end_headers()
                self.wfile.write(b"all is well")

            def log_message(self, *_words: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answers(self, status: int) -> None:
        self.status, self.asked = status, 0


@pytest.fixture
def backends() -> t.Iterator[list[Backend]]:
    made = [Backend(), Backend()]
    yield made
    for backend in made:
        backend.server.shutdown()
        backend.server.server_close()


class Host:
    """A folder with the program, its configuration and nginx's file; a FIFO tells of each reload."""

    def __init__(self, folder: Path, backends: list[Backend]) -> None:
        self.folder, self.backends = folder, backends
        self.file, self.config = folder / "app.conf", folder / "edge.json"
        self.process: subprocess.Popen[str] | None = None
        for program in (PROGRAM, POOLS):
            shutil.copy(program, folder)
        os.mkfifo(folder / "reloads")
        self.reloads = os.open(folder / "reloads", os.O_RDWR | os.O_NONBLOCK)
        self.write()
        self.file.write_text("".join(f"{self.line(backend)}\n" for backend in backends))

    @staticmethod
    def line(backend: Backend, words: str = "") -> str:
        return f"server 127.0.0.1:{backend.port}{words};"

    def describe(self, file: Path | None = None, generation: str = "one", **more: t.Any) -> dict[str, t.Any]:
        servers = [
            {
                "key": f"127.0.0.1:{backend.port}",
                "up": self.line(backend),
                "down": self.line(backend, " down"),
                "weight": 1,
                "out": False,
                "check": question(backend.port),
            }
            for backend in self.backends
        ]
        pool = {"name": "http/app", "file": str(file or self.file), "form": "lines", "head": "", "servers": servers}
        pool |= {"rise": 2, "fall": 3, "min_up": 1, "interval": INTERVAL, "timeout": 5, **more}
        reload = ["sh", "-c", f"echo told >{self.folder}/reloads"]
        status = str(self.folder / "status.json")
        return {"generation": generation, "reload": reload, "status": status, "pools": [pool]}

    def write(self, **more: t.Any) -> None:
        self.config.write_text(json.dumps(self.describe(**more)))

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-IBc", POWERLESS, str(self.folder / "checker.py"), str(self.config)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.says("checking")

    def says(self, words: str) -> None:
        """Wait for a line that begins so."""
        assert self.process and self.process.stdout
        while not (line := self.process.stdout.readline()).startswith(words):
            assert line, f"ended without saying {words}"

    def reloaded(self) -> bool:
        """Wait for nginx to be told."""
        ready = select.select([self.reloads], [], [], PATIENCE)[0]
        return bool(ready) and bool(os.read(self.reloads, 100))

    def untold(self) -> bool:
        return not select.select([self.reloads], [], [], 0)[0]

    def status(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads((self.folder / "status.json").read_text()))

    def end(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout
            self.process.stdout.read()  # ends when the child has ended too
            self.process.stdout.close()
            self.process = None


def question(port: int, **more: t.Any) -> dict[str, t.Any]:
    known = {"type": "http", "address": "127.0.0.1", "port": port, "host": "shop.example", "path": "/healthz"}
    return {**known, "method": "GET", "status": [[200, 299]], "expects": "", "verify": False, **more}


@pytest.fixture
def host(tmp_path: Path, backends: list[Backend]) -> t.Iterator[Host]:
    made = Host(tmp_path, backends)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, made.reloads)
        stack.callback(made.end)
        yield made


def test_a_server_that_answers_500_leaves_and_comes_back(host: Host, backends: list[Backend]) -> None:
    host.start()
    first, second = backends
    first.answers(500)
    assert host.reloaded() and first.asked >= 3
    assert host.file.read_text() == f"{host.line(first, ' down')}\n{host.line(second)}\n"
    first.answers(200)
    assert host.reloaded() and first.asked >= 2
    assert host.file.read_text() == f"{host.line(first)}\n{host.line(second)}\n"
    assert ("/healthz", "shop.example") in first.heads


def test_the_last_one_stays_whatever_it_answers(host: Host, backends: list[Backend]) -> None:
    host.start()
    first, second = backends
    first.answers(500)
    host.says(f"http/app: 127.0.0.1:{first.port} has failed")
    second.answers(500)
    host.says(f"http/app: 127.0.0.1:{second.port} has failed")
    assert host.reloaded()
    assert host.line(second) in host.file.read_text().splitlines()


def test_one_that_fails_is_asked_twice_as_often(host: Host, backends: list[Backend]) -> None:
    host.write(interval=0.1, fall=1000)
    first, second = backends
    first.answers(500)
    host.start()
    wait(lambda: second.asked >= 6)
    assert 1.5 * second.asked <= first.asked <= 2.5 * second.asked


def test_a_kill_changes_nothing_and_the_next_one_goes_on_without_a_reload(host: Host, backends: list[Backend]) -> None:
    host.start()
    backends[0].answers(500)
    assert host.reloaded()
    text = host.file.read_text()
    wait(lambda: bool(host.status()["told"]))
    host.end()
    assert host.file.read_text() == text
    host.start()
    backends[1].answers(200)
    wait(lambda: backends[1].asked > 4)
    assert host.untold() and host.file.read_text() == text


def test_after_a_boot_the_file_says_who_was_out(host: Host, backends: list[Backend]) -> None:
    host.file.write_text(f"{host.line(backends[0], ' down')}\n{host.line(backends[1])}\n")
    host.start()
    host.says(f"http/app: 127.0.0.1:{backends[0].port} is back")
    assert host.reloaded() and " down" not in host.file.read_text()


def test_a_new_configuration_is_taken_over_with_what_is_known(host: Host, backends: list[Backend]) -> None:
    host.start()
    backends[0].answers(500)
    assert host.reloaded()
    new = host.folder / "new.conf"
    new.write_text(host.file.read_text().replace(" down", ""))
    host.write(file=new, generation="two")
    host.file.unlink()
    assert host.process
    host.process.send_signal(signal.SIGHUP)
    host.says("checking 2 servers, generation two")
    assert host.reloaded() and host.line(backends[0], " down") in new.read_text()
    assert host.status()["generation"] == "two" and not host.file.exists()


def test_a_broken_configuration_is_not_taken_over(host: Host, backends: list[Backend]) -> None:
    host.start()
    host.config.write_text("{")
    assert host.process
    host.process.send_signal(signal.SIGHUP)
    host.says(f"{host.config} is not what it should be")
    backends[0].answers(500)
    assert host.reloaded() and host.status()["generation"] == "one"


def wait(condition: t.Callable[[], bool]) -> None:
    """For what nobody tells of."""
    pause = threading.Event()
    for _attempt in range(int(PATIENCE / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to pass")


# The same in one process, with a clock of our own.


def keeper(host: Host, **more: t.Any) -> t.Any:
    made = checker.Keeper(host.describe(fall=1, rise=1, **more))
    made.settle(0)
    return made


def heard(keeper: t.Any, backend: Backend, ok: bool, now: float) -> None:
    keeper.hear(json.dumps(["http/app", f"127.0.0.1:{backend.port}", ok, ""]).encode(), now)
    keeper.settle(now)


def test_nginx_is_reloaded_at_most_once_a_second(host: Host, backends: list[Backend]) -> None:
    it = keeper(host)
    assert it.patience(0) is None and host.untold()
    heard(it, backends[0], False, 10.0)
    assert host.reloaded()
    heard(it, backends[0], True, 10.2)
    assert host.untold() and it.patience(10.2) == pytest.approx(0.8)
    it.settle(11.0)
    assert host.reloaded() and it.patience(11) is None


def test_a_reload_that_is_refused_is_tried_again(host: Host, backends: list[Backend]) -> None:
    it = keeper(host)
    works, it.config["reload"] = it.config["reload"], ["false"]
    heard(it, backends[0], False, 10.0)
    assert not host.status()["told"] and it.patience(10) == checker.RETRY
    it.config["reload"] = works
    it.settle(10 + checker.RETRY)
    assert host.reloaded() and host.status()["told"]


def test_one_that_was_killed_before_the_reload_makes_up_for_it(host: Host, backends: list[Backend]) -> None:
    it = keeper(host)
    it.config["reload"] = ["false"]
    heard(it, backends[0], False, 10.0)
    keeper(host)
    assert host.reloaded()


def test_a_file_that_is_gone_stays_gone(host: Host, backends: list[Backend]) -> None:
    host.file.unlink()
    heard(keeper(host), backends[0], False, 10.0)
    assert not host.file.exists() and host.untold()


# What is asked.


def asked(timeout: float = 5, **check: t.Any) -> str:
    return t.cast("str", asyncio.run(checker.ask(check, timeout)))


def test_answers_are_judged_by_status_and_body(backends: list[Backend]) -> None:
    port = backends[0].port
    assert asked(**question(port)) == ""
    assert asked(**question(port, status=[[204, 204], [300, 399]])) == "status 200"
    assert asked(**question(port, expects="is (well|good)")) == ""
    assert "in the body" in asked(**question(port, expects="ill"))
    assert asked(type="tcp", address="127.0.0.1", port=port) == ""


def test_silence_refusal_and_nonsense_are_failures() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert asked(0.05, **question(port)) == "no answer within 0.05 s"
    assert "refused" in asked(**question(port)).lower() or "connect" in asked(**question(port)).lower()
    with socket.create_server(("127.0.0.1", 0)) as garbled:
        threading.Thread(target=lambda: garbled.accept()[0].sendall(b"garbage\r\n"), daemon=True).start()
        assert asked(**question(garbled.getsockname()[1])) == "no HTTP: 'garbage\\r\\n'"


def test_certificates_are_looked_at_only_where_that_is_wanted(
    tmp_path: Path, backends: list[Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the server must have one for the name that is asked for, of somebody who is trusted."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=shop -keyout k -out c -days 2"
    argv = ["openssl", *words.split(), "-addext", "subjectAltName=DNS:shop.example"]
    subprocess.run(argv, check=True, cwd=tmp_path, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    server = backends[0].server
    server.socket = context.wrap_socket(server.socket, server_side=True)
    asks = question(backends[0].port, type="https")
    assert asked(**asks) == ""
    assert "self-signed certificate" in asked(**{**asks, "verify": True})
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "c"))
    assert asked(**{**asks, "verify": True}) == ""
    assert "certificate is not valid for 'else.example'" in asked(**{**asks, "verify": True, "host": "else.example"})


def test_certificates_are_read_once_and_when_they_have_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    used: list[ssl.SSLContext] = []

    async def refuse(*_where: object, **how: t.Any) -> None:
        used.append(how["ssl"])
        raise OSError

    authorities = tmp_path / "ca.pem"
    authorities.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    monkeypatch.setattr(checker.asyncio, "open_connection", refuse)

    def contexts() -> list[tuple[ssl.VerifyMode, bool]]:
        used.clear()
        for verify in (True, False) * 20:
            asked(**question(443, type="https", verify=verify))
        return [(each.verify_mode, each.check_hostname) for each in dict.fromkeys(used)]

    assert contexts() == [(ssl.CERT_REQUIRED, True), (ssl.CERT_NONE, False)]
    before = list(dict.fromkeys(used))
    os.utime(authorities, ns=(0, 0))
    assert len(contexts()) == 2 and [each in used for each in before] == [False, True]


def test_unix_sockets_can_be_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert asked(type="tcp", address=f"unix:{path}", port=None) == ""
