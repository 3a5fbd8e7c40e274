# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One proxy: asked as a client would, watched by many clients, and looked at from within."""

from __future__ import annotations

import collections
import contextlib
import json
import subprocess
import typing as t

from browser import Answer, browse
from crowd import crowd
from waiting import until
from web import CERTIFICATES

from lab.cluster import Lab

EDGES = {"edge1": 11, "edge2": 12}
TRUSTED, CLIENT = "198.51.100.50", "198.51.100.51"
# Those that end have another title.
WORKER = "nginx: worker process$"
TICKS = 100


class Connection:
    """A client's connection that stays open."""

    def __init__(self, argv: list[str]) -> None:
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, *lines: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{line}\r\n" for line in lines).encode())
        self._process.stdin.flush()

    def line(self) -> str:
        """The next line; empty too where the connection has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def head(self) -> tuple[str, dict[str, str]]:
        """The first line of an answer, and its headers."""
        first, headers = self.line(), {}
        while line := self.line():
            name, _colon, value = line.partition(": ")
            headers[name.lower()] = value
        return first, headers

    def upgrade(self, host: str, path: str) -> None:
        """Make it one for lines in both directions, as websockets do."""
        self.send(f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade", "")
        first, headers = self.head()
        assert (first, headers.get("upgrade")) == ("HTTP/1.1 101 Switching Protocols", "websocket"), (first, headers)

    def echo(self, text: str) -> str:
        """The server that sends the line back."""
        self.send(text)
        server, _blank, same = self.line().partition(" ")
        assert same == text, same
        return server

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Edge:
    """The proxy of that name."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.address, self.address6 = f"198.51.100.{EDGES[name]}", f"2001:db8:0:51::{EDGES[name]}"

    # As a client

    def ask(
        self, host: str = "lab", path: str = "/", count: int = 1, all_answered: bool = True, **request: t.Any
    ) -> list[Answer]:
        """Answers to the same request; see lab/browse.py for what may be in it."""
        headers = {"Host": host, **request.pop("headers", {})}
        return self.ask_all([{"source": CLIENT, "path": path, **request, "headers": headers}] * count, all_answered)

    def ask_all(self, requests: list[dict[str, t.Any]], all_answered: bool = True) -> list[Answer]:
        """Answers to requests, of which each has at least what differs from a plain one."""
        plain = {"address": self.address, "port": 80}
        return browse(self.lab, [{**plain, **request} for request in requests], all_answered)

    def get(self, host: str = "lab", path: str = "/", **request: t.Any) -> Answer:
        """The one answer."""
        (answer,) = self.ask(host, path, **request)
        return answer

    @staticmethod
    def trusts(file: str, name: str, **more: t.Any) -> dict[str, t.Any]:
        """What ``tls`` of a request is for a client that asks for a name and knows a certificate."""
        return {"name": name, "ca": str(CERTIFICATES / f"{file}.pem"), **more}

    def curl(self, port: int, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """What only curl can: it knows this proxy by the name shop.example, and its certificate."""
        argv = [*self.lab.sandbox.enter("client"), "curl", "--silent", "--show-error", "--max-time", "10"]
        argv += ["--interface", CLIENT, "--cacert", str(CERTIFICATES / "shop.pem")]
        argv += ["--resolve", f"shop.example:{port}:{self.address}", *words]
        return subprocess.run(argv, input=text, capture_output=True, text=True, check=False)

    @contextlib.contextmanager
    def connected(self) -> t.Iterator[Connection]:
        """A connection of the client's."""
        connection = Connection([*self.lab.sandbox.cable("client"), "nc", self.address, "80"])
        try:
            yield connection
        finally:
            connection.close()

    def watched(self, host: str = "lab", **options: t.Any) -> contextlib.AbstractContextManager[dict[str, t.Any]]:
        """Many clients ask meanwhile."""
        return crowd(self.lab, self.address, 80, host=host, **options)

    # From within

    def run(self, command: str) -> str:
        return self.lab.run(self.name, command)

    def pid(self, unit: str) -> str:
        """The main process of a unit; 0 while there is none."""
        return self.run(f"systemctl show --property=MainPID --value {unit}").strip()

    def status(self) -> dict[str, t.Any]:
        """What the checker knows."""
        found: dict[str, t.Any] = json.loads(self.run("cat /run/mixed-lb-checker-edge/status.json"))
        return found

    def out(self, pool: str) -> set[str]:
        """The servers of a pool that get nothing."""
        return {key for key, server in self.status()["pools"][pool].items() if server["out"]}

    def settle(self) -> None:
        """Wait until the checker finds everything well, and nginx knows."""
        until(
            lambda: {server["ok"] for pool in self.status()["pools"].values() for server in pool.values()},
            {True},
            f"all well, says the checker of {self.name}",
        )
        self.quiet()

    def quiet(self) -> None:
        """Wait until nginx was told of everything, and all who take connections began after that."""
        until(
            lambda: bool(self.status()["told"]) and self._began() > self._written(),
            True,
            f"told of everything: nginx on {self.name}",
        )

    def reload(self) -> None:
        """Give nginx new workers, and wait until no old one takes connections."""
        old = self.workers()
        self.run("systemctl reload nginx")
        until(lambda: bool(self.workers()) and not self.workers() & old, True, f"reloaded: nginx on {self.name}")

    def _written(self) -> float:
        """When the checker wrote last, or the role."""
        return max(map(float, self.run("stat --format=%.Y /etc/nginx/mixed_lb/servers/edge/*.conf").split()))

    def _began(self) -> float:
        """When the oldest worker that takes connections began."""
        stats = f"cut -d' ' -f22 $(pgrep -f '{WORKER}' | sed 's:.*:/proc/&/stat:')"
        now, up, *ticks = map(float, self.run(f"date +%s.%N; cut -d' ' -f1 /proc/uptime; {stats} || true").split())
        return now - up + min(ticks, default=0) / TICKS

    def since(self) -> str:
        """When the checker last said what it knows."""
        return self.run("stat --format=%.Y /run/mixed-lb-checker-edge/status.json")

    def workers(self) -> set[str]:
        """Process ids of the workers that take connections."""
        return set(self.run(f"pgrep -f '{WORKER}' || true").split())


@contextlib.contextmanager
def all_watched(edges: list[Edge], host: str = "lab") -> t.Iterator[list[Answer]]:
    """Some clients ask all proxies meanwhile: not so many that the hosts' kernels, which are slow, have no time left."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(edge.watched(host, clients=2, pause=0.1)) for edge in edges]


def share(answers: list[Answer]) -> dict[str, int]:
    """How many answers came from each server; all of them must have come from one."""
    for answer in answers:
        assert answer.get("status") == 200 and answer["said"], answer
    return dict(collections.Counter(answer["said"]["server"] for answer in answers))
