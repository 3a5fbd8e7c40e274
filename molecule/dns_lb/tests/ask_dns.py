# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the DNS servers from the client, by dig."""

from __future__ import annotations

import collections
import contextlib
import json
import re
import shlex
import subprocess
import sys
import time
import typing as t

from frame import stage
from watch import __file__ as WATCH

from lab.cluster import Lab

SERVERS = {"edge1": "192.0.2.11", "edge2": "192.0.2.12"}
SITES = {f"web{number}": f"192.0.2.2{number}" for number in (1, 2, 3)}
INTERVAL = 2
TIMEOUT = 1
BOUND = INTERVAL + 2
PATIENCE = 20
WEB1, WEB2, WEB3 = SITES.values()


def _clients(name: str) -> list[str]:
    return [f"{name}.shop.example +subnet=10.2.{number}.0/24" for number in range(20)]


# Questions by stage, with the addresses in all of their answers together while every site is up; by chance a few more are asked.
UP: dict[str, list[tuple[list[str], set[str]]]] = {
    "first": [
        (["www.shop.example"], {WEB1, WEB2, WEB3}),
        (["cdn.shop.example"] * 60, {WEB1, WEB2, WEB3}),
        (["orders.shop.example"], {WEB1}),
        (["stock.shop.example"], {WEB1, WEB2}),
        (["near.shop.example +subnet=198.51.100.0/26"], {WEB1}),
        (["near.shop.example +subnet=198.51.100.64/26"], {WEB2}),
        (["near.shop.example +subnet=198.51.100.128/26"], {WEB3}),
        (_clients("app"), {WEB1, WEB2, WEB3}),
    ],
    "second": [
        (["www.shop.example"], {WEB1, WEB2}),
        (["media.shop.example"] * 20, {WEB1, WEB2, WEB3}),
        (["orders.shop.example"], {WEB2}),
        (_clients("app"), {WEB1, WEB3}),
        (["blog.example"], {WEB1, WEB2}),
    ],
}


class Record(t.NamedTuple):
    """One record of an answer section."""

    name: str
    ttl: int
    type: str
    value: str


class Reply(t.NamedTuple):
    """A reply: its status, its answer section, and all that dig printed."""

    status: str
    records: list[Record]
    text: str

    def values(self, kind: str = "A") -> list[str]:
        """The answers of that type, sorted."""
        return sorted(record.value for record in self.records if record.type == kind)


class Names:
    """The zones of this scenario, as its clients see them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def ask_all(self, server: str, questions: t.Sequence[str]) -> list[Reply]:
        """A reply to each question, which is written as the words of dig; every one must have come."""
        batch = self.lab.folder / "questions"
        batch.write_text("".join(f"{question}\n" for question in questions))
        options = "+norecurse +tries=1 +time=2 +noall +comments +answer"
        said = self.lab.run("client", f"dig @{SERVERS[server]} {options} -f {shlex.quote(str(batch))}", check=False)
        replies = [_reply(text) for text in said.split(";; Got answer:\n")[1:]]
        assert len(replies) == len(questions), f"{len(replies)} of {len(questions)} questions were answered: {said}"
        return replies

    def ask(self, server: str, question: str) -> Reply:
        """The reply to one question."""
        return self.ask_all(server, [question])[0]

    def shares(self, server: str, name: str, count: int) -> dict[str, int]:
        """How often each address is the answer."""
        replies = self.ask_all(server, [name] * count)
        return dict(collections.Counter(value for reply in replies for value in reply.values()))

    def wait(self, wanted: t.Callable[[str], bool], what: str) -> dict[str, float]:
        """Seconds until it is true of each server."""
        begin, found = time.monotonic(), dict[str, float]()
        while len(found) < len(SERVERS):
            for server in SERVERS.keys() - found.keys():
                if wanted(server):
                    found[server] = time.monotonic() - begin
            assert time.monotonic() - begin < PATIENCE, (
                f"after {PATIENCE} s, {what} on {', '.join(found) or 'no server'}"
            )
        return found

    def wait_for_all(self) -> None:
        """Every server knows that all sites are up, by each name's own check."""
        wanted = UP[stage()]
        questions = [question for question, _values in wanted]

        def known(server: str) -> bool:
            replies = self.ask_all(server, [words for question in questions for words in question])
            found = iter(replies)
            return all(
                {value for _words in question for value in next(found).values()} == values
                for question, values in wanted
            )

        self.wait(known, "all sites are up")

    @contextlib.contextmanager
    def watched(self, server: str, name: str) -> t.Iterator[dict[str, t.Any]]:
        """The name is asked for every 10 ms meanwhile; afterwards the mapping has what came (see watch.py)."""
        argv = [*self.lab.sandbox.enter("client"), sys.executable, WATCH, SERVERS[server], name]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "asking\n"
        seen: dict[str, t.Any] = {}
        try:
            yield seen
        finally:
            out, _err = process.communicate()
        seen |= json.loads(out)
        print(f"{server} {name}: {json.dumps(seen)}")


def _reply(text: str) -> Reply:
    found = re.search(r"status: (\w+)", text)
    assert found, text
    rows = (line.split(None, 4) for line in text.splitlines() if line and not line.startswith(";"))
    return Reply(found[1], [Record(row[0], int(row[1]), row[3], row[4]) for row in rows if len(row) == 5], text)
