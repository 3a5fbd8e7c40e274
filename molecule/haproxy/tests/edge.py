# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The balancers as their clients see them."""

from __future__ import annotations

import base64
import collections
import contextlib
import csv
import json
import pathlib
import re
import shlex
import subprocess
import sys
import time
import typing as t

from browser import browse
from crowd import crowd
from waiting import until

from lab import __file__ as LAB
from lab.cluster import Lab

BALANCERS = {"edge1": "192.0.2.11", "edge2": "192.0.2.12"}
CLIENTS = ["192.0.2.51", "192.0.2.52", "192.0.2.53", "192.0.2.54"]
WEIGHTS = {"web1": 10, "web2": 20, "web3": 30}
ROUND = 6
INTERVAL, FALL, RISE = 0.5, 2, 2
# What may pass until a server that is ill gets nothing any more: its checks, and a second.
BOUND = INTERVAL * FALL + 1
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"ops:a password").decode()}
STATS = 8404
PATIENCE = 20
# What a download may take that is to last until its server is told to end it.
PATIENT = 180
_PROGRAMS = pathlib.Path(LAB).parent

Answer = dict[str, t.Any]


class Edge:
    """Asks the balancers from the client."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def browse(self, requests: t.Sequence[t.Mapping[str, t.Any]]) -> list[Answer]:
        """All of each answer (see lab/browse.py); every request must have one."""
        return browse(self.lab, requests)

    def ask(self, balancer: str, count: int = 1, *, site: str = "shop.example", **words: t.Any) -> list[Answer]:
        """The same request several times, each in a connection of its own."""
        headers = {"Host": site, **words.pop("headers", {})}
        return self.browse([{"address": BALANCERS[balancer], "port": 80, "headers": headers, **words}] * count)

    def servers(self, balancer: str, count: int, **words: t.Any) -> dict[str, int]:
        """How many of the answers came from each server."""
        return dict(collections.Counter(answer["said"]["server"] for answer in self.ask(balancer, count, **words)))

    def status(self, balancer: str) -> dict[tuple[str, str], str]:
        """What the balancer thinks of each server, from its page of statistics."""
        (page,) = self.ask(balancer, port=STATS, path="/stats;csv", headers=LOGIN)
        assert page["status"] == 200, page
        rows = csv.DictReader(page["text"].removeprefix("# ").splitlines())
        return {
            (row["pxname"], row["svname"]): row["status"]
            for row in rows
            if row["svname"] not in ("FRONTEND", "BACKEND")
        }

    def wait(self, wanted: t.Callable[[str], bool], what: str) -> dict[str, float]:
        """Seconds until it is true of each balancer."""
        begin, found = time.monotonic(), dict[str, float]()
        while len(found) < len(BALANCERS):
            for balancer in BALANCERS.keys() - found.keys():
                if wanted(balancer):
                    found[balancer] = round(time.monotonic() - begin, 2)
            assert time.monotonic() - begin < PATIENCE, f"after {PATIENCE} s, {what} on {', '.join(found) or 'none'}"
        return found

    def wait_for_all(self) -> None:
        """Every balancer knows that all servers are up."""
        self.wait(lambda balancer: set(self.status(balancer).values()) <= {"UP", "no check"}, "all servers are up")

    def crowd(
        self, balancer: str, *, port: int = 80, host: str = "shop.example", **options: t.Any
    ) -> contextlib.AbstractContextManager[Answer]:
        """Many clients ask meanwhile."""
        return crowd(self.lab, BALANCERS[balancer], port, host=host, **options)

    def curl(
        self, balancer: str, site: str, port: int, *words: str, ca: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A request by curl, over TLS; trusts the certificate of the site, or that of ``ca``."""
        address = f"{site}:{port}:{BALANCERS[balancer]}"
        argv = [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            "5",
            "--resolve",
            address,
            "--cacert",
            tls(f"{ca or site}.pem"),
        ]
        argv += ["--write-out", r"\n%{http_version}\n", *words, f"https://{site}:{port}/"]
        return subprocess.run([*self.lab.sandbox.enter("client"), *argv], capture_output=True, text=True, check=False)

    def download(self, balancer: str, **words: t.Any) -> subprocess.Popen[str]:
        """A request whose answer takes until its server is told to ``release`` it; ``finished`` tells how it went."""
        argv = [*self.lab.sandbox.enter("client"), sys.executable, str(_PROGRAMS / "browse.py")]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        request = {"address": BALANCERS[balancer], "port": 80, "path": "/held", "timeout": PATIENT, **words}
        assert process.stdin is not None
        process.stdin.write(json.dumps([request]))
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, balancer: str, command: str) -> str:
        """A command on the balancer itself."""
        return self.lab.run(balancer, command)

    def socket(self, balancer: str, command: str) -> str:
        """What HAProxy says over its own socket."""
        program = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock')"
        program += "; s.sendall(sys.argv[1].encode() + b'\\n'); print(s.makefile().read())"
        return self.run(balancer, f"python3 -c {shlex.quote(program)} {shlex.quote(command)}")

    def reload(self, balancer: str) -> None:
        """Returns when the new process serves: Debian 12's unit sends it a signal and waits for nothing."""
        before = self._process(balancer)
        self.run(balancer, "systemctl reload haproxy")
        until(lambda: self._process(balancer) != before, True, "the new process has the socket")

    def _process(self, balancer: str) -> str:
        (number,) = re.findall(r"^Pid: (\d+)", self.socket(balancer, "show info"), re.M)
        return str(number)

    def connections(self, balancer: str, backend: str) -> dict[str, int]:
        """How many are open at each server."""
        rows = csv.DictReader(self.socket(balancer, "show stat").removeprefix("# ").splitlines())
        return {
            row["svname"]: int(row["scur"]) for row in rows if row["pxname"] == backend and row["svname"] in WEIGHTS
        }


def near(shares: dict[str, int], wanted: dict[str, int]) -> bool:
    """Whether turns were taken by weight: servers that came late may be one turn off."""
    return shares.keys() == wanted.keys() and all(abs(shares[each] - wanted[each]) <= 1 for each in wanted)


def finished(download: subprocess.Popen[str]) -> Answer:
    """The answer of a download."""
    (answer,) = json.loads(download.communicate()[0])
    return dict(answer)


def tls(file: str) -> str:
    """The path of a certificate or key that the scenario made."""
    return shlex.quote(str(_PROGRAMS.parent / ".lab" / "scenarios" / "haproxy.tls" / file))
