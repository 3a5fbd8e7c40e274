# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the table, plan, predict or execute, read again, compare; on failure put back what was read."""

from __future__ import annotations

import dataclasses
import itertools
import time
import typing as t

from ..system.command import Command
from ..system.files import FileStore
from . import parse, plan, render
from .model import DestinationKey, ServiceKey, Table
from .plan import Op
from .runner import Ipvsadm, IpvsError, cure, words_of

# There exactly while ip_vs is loaded, and short however long the table is.
LOADED = "/proc/net/ip_vs_stats"
POLL_SECONDS = 1.0


@dataclasses.dataclass
class Outcome:
    """What a task did, or would do. ``before`` and ``after`` hold the services that it changes, as options."""

    changed: bool = False
    commands: list[str] = dataclasses.field(default_factory=list)
    before: t.Any = dataclasses.field(default_factory=list)
    after: t.Any = dataclasses.field(default_factory=list)
    diff: list[dict[str, str]] = dataclasses.field(default_factory=list)
    extra: dict[str, t.Any] = dataclasses.field(default_factory=dict)

    def compare(self, title: str, before: str, after: str) -> None:
        """Add a text to the difference that ``--diff`` shows, if there is one."""
        if before != after:
            self.diff.append({"before_header": title, "after_header": title, "before": before, "after": after})

    def result(self) -> dict[str, t.Any]:
        """The module's return values."""
        return {
            "changed": self.changed,
            "commands": self.commands,
            "before": self.before,
            "after": self.after,
            "diff": self.diff,
            **self.extra,
        }


@dataclasses.dataclass(frozen=True)
class Drain:
    """How destinations go: ``seconds`` at weight 0 first; ``strict``: not at all while they have connections."""

    seconds: float = 0
    strict: bool = False

    @property
    def needed(self) -> bool:
        """Whether weight 0 comes first. Without, a connection could begin between the look and the deletion."""
        return self.seconds > 0 or self.strict


AT_ONCE = Drain()


class NotDrained(IpvsError):
    """Time is up and connections are left, where the user wanted none."""


class Session:
    """One task on one host. ``clock`` and ``sleep`` are in seconds, and injected so that tests need not wait."""

    def __init__(
        self,
        command: Command,
        files: FileStore,
        *,
        check: bool = False,
        warn: t.Callable[[str], t.Any] = lambda text: None,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], t.Any] = time.sleep,
    ) -> None:
        self.command = command
        self.files = files
        self.check = check
        self.warn = warn
        self.ipvsadm = Ipvsadm(command)
        self._clock = clock
        self._sleep = sleep

    def loaded(self) -> bool:
        """Whether the kernel has ip_vs now. Asked before every reading, since ipvsadm would load it."""
        return self.files.read(LOADED) is not None

    def readable(self) -> bool:
        """Whether ipvsadm has something to tell. What a task before it would load or install, check mode does without."""
        missing = "" if self.loaded() else "ip_vs is not loaded"
        if self.check and not missing and not self.ipvsadm.installed():
            missing = "ipvsadm is not installed"
        if self.check and missing:
            self.warn(f"{missing} on this host: predicted as for an ip_vs that has just been loaded")
        return not missing

    def read(self) -> Table:
        """The live table. It is empty while ip_vs is not loaded, which reading does not change."""
        return self.ipvsadm.read().table if self.readable() else {}

    def change(self, before: Table, wanted: Table, *, rollback: bool = True, drain: Drain = AT_ONCE) -> Outcome:
        """Make the table ``before``, just read, into ``wanted``, or say what that would take."""
        stages = [wanted]
        if drain.needed and plan.leaving(before, wanted):
            stages.insert(0, plan.draining(before, wanted))
        ops = [op for one, other in itertools.pairwise([before, *stages]) for op in plan.diff(one, other)]
        keys = plan.changed_keys(before, wanted)
        old, new = plan.only(before, keys), plan.only(wanted, keys)
        outcome = Outcome(bool(ops), [str(op) for op in ops], render.as_options(old), render.as_options(new))
        outcome.compare("IPVS table", render.rules(old), render.rules(new))
        if ops and not self.check:
            outcome.extra |= _Execution(self, old, keys, rollback).run([plan.only(s, keys) for s in stages], drain)
        return outcome

    def active(self, watched: t.Mapping[ServiceKey, t.Collection[DestinationKey]]) -> int:
        """Active connections of these destinations together, now."""
        activity = self.ipvsadm.read().activity
        places = [(key, found) for key, some in watched.items() for found in some]
        return sum(activity[place].active for place in places if place in activity)

    def wait(self, watched: t.Mapping[ServiceKey, t.Collection[DestinationKey]], seconds: float) -> int:
        """Wait until these destinations have no active connection, ``seconds`` at most; returns how many are left."""
        end = self._clock() + seconds
        while (left := self.active(watched)) and (rest := end - self._clock()) > 0:
            self._sleep(min(POLL_SECONDS, rest))
        return left


class _Execution:
    """Carries one plan out, on the services ``keys`` alone."""

    def __init__(self, session: Session, before: Table, keys: t.Collection[ServiceKey], rollback: bool) -> None:
        self._session = session
        self._ipvsadm = session.ipvsadm
        self._before = before
        self._keys = keys
        self._rollback = rollback

    def run(self, stages: t.Sequence[Table], drain: Drain) -> dict[str, t.Any]:
        """Through all stages. Returns the active connections left where some were waited for."""
        extra: dict[str, t.Any] = {}
        now = self._before
        try:
            for place, stage in enumerate(stages):
                if place > 0:
                    extra["active_connections"] = self._drain(now, stage, drain)
                now = self._reach(now, stage)
        except NotDrained:
            raise
        except (IpvsError, parse.ParseError) as error:
            raise self._failure(error, plan.diff(self._before, stages[-1]), stages[-1]) from error
        return extra

    def _drain(self, now: Table, stage: Table, drain: Drain) -> int:
        watched = {key: [found.key for found in some] for key, some in plan.leaving(now, stage).items()}
        left = self._session.wait(watched, drain.seconds)
        if left and drain.strict:
            raise NotDrained(
                f"{left} active connections are left after {drain.seconds:g} s, so nothing was deleted and the weight "
                "is 0: give a longer drain_timeout, or leave require_drained out",
                changed=now != self._before,
                active_connections=left,
            )
        return left

    def _reach(self, now: Table, stage: Table) -> Table:
        """Send what is missing until the table read equals ``stage``; raises with ipvsadm's own words."""
        missing = plan.diff(now, stage)
        while missing:
            result = self._ipvsadm.write(missing)
            now = self._read()
            left = plan.diff(now, stage)
            if left and len(missing) > 1:
                # Of a batch only the last line's status is known: the first record that is missing asks again, alone.
                result = self._ipvsadm.write(left[:1])
                now = self._read()
            if left and result.rc != 0:
                said = words_of(result)
                raise IpvsError(f"'{left[0]}' failed: {said}{cure(said)}", failed_command=str(left[0]))
            left = plan.diff(now, stage)
            if len(left) >= len(missing):
                raise IpvsError(
                    f"'{left[0]}' succeeded, but the table does not show it: another program is writing to the table"
                )
            missing = left
        return now

    def _read(self) -> Table:
        return plan.only(self._ipvsadm.read().table, self._keys)

    def _failure(self, reason: Exception, ops: t.Sequence[Op], wanted: Table) -> IpvsError:
        """The error for the user: what failed, what is in the table now, and whether it was put back."""
        details: dict[str, t.Any] = {**getattr(reason, "details", {}), "rolled_back": False}
        try:
            now = self._read()
            missing = {str(op) for op in plan.diff(now, wanted)}
            details["not_applied"] = [str(op) for op in ops if str(op) in missing]
            details["applied"] = [str(op) for op in ops if str(op) not in missing]
            if now == self._before:
                state = "nothing was changed"
            elif self._rollback:
                self._reach(now, self._before)
                details["rolled_back"] = True
                state = "the table was put back as it was"
            else:
                state = f"{len(details['applied'])} of {len(ops)} commands are in effect (rollback: false)"
        except (IpvsError, parse.ParseError) as error:
            state = f"and putting the table back failed as well, so it is half changed: {error}"
        details["changed"] = state != "nothing was changed" and not details["rolled_back"]
        return IpvsError(f"{reason}; {state}", **details)
