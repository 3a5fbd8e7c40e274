# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a server of a running HAProxy to what is wanted: read, plan, execute, wait, read again."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from . import parse
from .client import Ask
from .model import HaproxyProblem, Load, Server, Wanted
from .plan import plan, predicted

PAUSE = 0.2
"""Seconds between two looks at a server that drains."""
SETTLE = 6
"""Seconds that a server gets at least before it is removed: idle connections to it are closed within five."""


@dataclasses.dataclass
class Outcome:
    """What was done, or in check mode would be. ``load`` is what is left; None where nobody looked."""

    before: Server | None
    after: Server | None
    commands: tuple[str, ...]
    load: Load | None = None

    @property
    def changed(self) -> bool:
        return bool(self.commands)


class Clock(t.NamedTuple):
    """Time, and how to let it pass."""

    now: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], t.Any] = time.sleep


REAL = Clock()


def apply(wanted: Wanted, ask: Ask, wait: float = 0, *, check_only: bool = False, clock: Clock = REAL) -> Outcome:
    """Bring it there. After drain and maint, wait up to ``wait`` seconds for the end of what is open.

    Raises ``HaproxyProblem`` in HAProxy's words; what was done until then stays, and the text says it.
    """
    before = find(wanted, ask)
    commands = plan(before, wanted)
    outcome = Outcome(before, predicted(before, wanted), commands)
    if check_only:
        return outcome
    deadline = clock.now() + wait
    done: list[str] = []
    for command in commands:
        if command.startswith("del server"):
            outcome.load = _leave(wanted, before, ask, deadline, clock)
            deadline = max(deadline, clock.now() + SETTLE)
            _until_accepted(command, done, ask, deadline, clock)
        else:
            _do(command, done, ask)
        done.append(command)
    if wanted.state in ("drain", "maint"):
        outcome.load = _leave(wanted, find(wanted, ask), ask, deadline, clock)
    _check(wanted, ask, outcome)
    return outcome


def find(wanted: Wanted, ask: Ask) -> Server | None:
    """The server as it is, or None. Raises ``HaproxyProblem`` where there is no such backend."""
    answer = ask(f"show servers state {wanted.backend}")
    if "Can't find backend" in answer:
        raise HaproxyProblem(f"there is no backend {wanted.backend}")
    return next((each for each in parse.servers(answer) if each.name == wanted.name), None)


def _do(command: str, done: t.Sequence[str], ask: Ask) -> None:
    said = parse.refusal(ask(command))
    if said is not None:
        before = f" Done before: {'; '.join(done)}" if done else ""
        raise HaproxyProblem(f"{command}: {said}{before}")


def _until_accepted(command: str, done: t.Sequence[str], ask: Ask, deadline: float, clock: Clock) -> None:
    while True:
        try:
            return _do(command, done, ask)
        except HaproxyProblem as problem:
            if clock.now() >= deadline or "connection" not in str(problem):
                raise
        clock.sleep(PAUSE)


def _leave(wanted: Wanted, server: Server | None, ask: Ask, deadline: float, clock: Clock) -> Load | None:
    """Wait until nothing is open at a server, or the time is over; returns what is left."""
    if server is None:
        return None
    while True:
        (row,) = parse.statistics(ask(f"show stat {server.backend_id} 4 {server.server_id}"))
        left = parse.load(row)
        if left.idle:
            return left
        if clock.now() >= deadline:
            break
        clock.sleep(PAUSE)
    if not wanted.shutdown:
        return left
    _do(f"shutdown sessions server {server.place}", [], ask)
    return Load(0, left.queued)


def _check(wanted: Wanted, ask: Ask, outcome: Outcome) -> None:
    after = find(wanted, ask)
    expected = outcome.after
    if (after is None) != (expected is None):
        raise HaproxyProblem(f"{wanted.place} is {'not there' if after is None else 'still there'} after all")
    if after and expected and (after.state, after.weight) != (expected.state, expected.weight):
        raise HaproxyProblem(
            f"{wanted.place} is {after.state} with weight {after.weight}, not {expected.state} with weight"
            f" {expected.weight}: another server that it tracks, or its agent, has the last word"
        )
    outcome.after = after


def info(ask: Ask) -> dict[str, t.Any]:
    """What runs, as ``haproxy_info`` returns it."""
    process = parse.fields(ask("show info"))
    rows = parse.statistics(ask("show stat"))
    known = {(each.backend, each.name): each for each in parse.servers(ask("show servers state"))}
    fronts = [row for row in rows if row["svname"] == "FRONTEND"]
    backs = [row for row in rows if row["svname"] == "BACKEND"]
    return {
        "version": process.get("Version", ""),
        "uptime": int(process.get("Uptime_sec", 0)),
        "generations": parse.generations(ask("show env")),
        "frontends": [_proxy(row) for row in fronts],
        "backends": [
            {
                **_proxy(row),
                "servers": [
                    _server(known[each["pxname"], each["svname"]], each)
                    for each in rows
                    if each["pxname"] == row["pxname"] and (each["pxname"], each["svname"]) in known
                ],
            }
            for row in backs
        ],
    }


def _proxy(row: t.Mapping[str, str]) -> dict[str, t.Any]:
    return {"name": row["pxname"], "status": row.get("status", ""), "mode": row.get("mode", ""), **_numbers(row)}


def _server(server: Server, row: t.Mapping[str, str]) -> dict[str, t.Any]:
    return {
        "name": server.name,
        **server.shown(),
        "up": server.up,
        "status": row.get("status", ""),
        "check": row.get("check_status", "").removeprefix("* "),
        "backup": row.get("bck") == "1",
        **_numbers(row),
    }


def _numbers(row: t.Mapping[str, str]) -> dict[str, int]:
    names = {"scur": "sessions", "qcur": "queued", "stot": "sessions_total"}
    return {name: int(row.get(key, 0)) for key, name in names.items()}
