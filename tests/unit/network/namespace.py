# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace to work in. A machine that cannot make one fails here: what was not seen is not proved."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import typing as t

ENVIRONMENT = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


class Namespace:
    """An agent in a network namespace of its own, in the user namespace of ``beside`` where one is given."""

    def __init__(
        self, *more: str, beside: Namespace | None = None, environment: t.Mapping[str, str] | None = None
    ) -> None:
        user = ["unshare", "--user", "--map-root-user"]
        if beside:
            user = ["nsenter", "--user", "--preserve-credentials", f"--target={beside.process.pid}", "unshare"]
        self.process = subprocess.Popen(
            [*user, "--net", *more, sys.executable, str(pathlib.Path(__file__).with_name("agent.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**ENVIRONMENT, **(environment or {})},
        )
        self.do("ip", "link", "set", "lo", "up")

    def ask(self, *words: object) -> t.Any:
        """Call a function of the agent."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"no namespace, or it broke at {words}"
        return json.loads(answer)

    def do(self, *argv: str, stdin: str = "") -> str:
        """Run a program that must succeed."""
        done = self.ask("run", argv, stdin)
        assert done["rc"] == 0, (argv, done["err"])
        return str(done["out"])

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


Addresses = t.Iterable[t.Mapping[int, str]]


@contextlib.contextmanager
def connected(here: Addresses, there: Addresses) -> t.Iterator[tuple[Namespace, Namespace]]:
    """Two namespaces with a cable between their ``eth0``, which have these addresses, each by family: 4 and 6."""
    with contextlib.ExitStack() as ends:
        one = Namespace()
        ends.callback(one.end)
        other = Namespace(beside=one)
        ends.callback(other.end)
        peer = ("peer", "name", "eth0", "netns", str(other.process.pid))
        one.do("ip", "link", "add", "eth0", "type", "veth", *peer)
        for side, addresses in ((one, here), (other, there)):
            side.do("ip", "link", "set", "eth0", "up")
            for each in addresses:
                side.do("ip", "address", "add", f"{each[4]}/24", "dev", "eth0")
                side.do("ip", "address", "add", f"{each[6]}/64", "dev", "eth0", "nodad")
        yield one, other
