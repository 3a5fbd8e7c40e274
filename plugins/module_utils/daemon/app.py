# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a daemon a new configuration: check, swap, reload, probe; where one of them fails, the last good one is put back."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import typing as t

from ..system import units
from ..system.command import Command
from ..system.files import FileProblem, FileStore
from ..system.records import of_all_scopes
from . import history
from .candidate import check
from .model import Check, DaemonProblem, File, Files, Probe, Record, record_from_json, record_to_json, with_generation
from .plan import Change, check_scopes, originals, paths, plan
from .probe import wait_for
from .unit import State, Unit

_ENDS = ("stop", "disable")
# What systemd itself goes by, as soon as it has read its unit files again: when a daemon that has died comes back.
_OF_SYSTEMD = re.compile(r"\s*($|[#;\[]|Restart(Sec)?=|StartLimit\w+=)")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a scope wants of a daemon; no ``files`` takes the scope away.

    ``run`` names the run that wants it; without, it belongs to the run of what is there. ``generation``: what the files say
    where they are earlier ones that come back.
    """

    scope: str
    unit: str
    folders: tuple[str, ...]
    files: Files
    checks: tuple[Check, ...] = ()
    probes: tuple[Probe, ...] = ()
    probe_timeout: float = 10
    backups: int = 5
    run: str = ""
    generation: str = ""

    @classmethod
    def of(cls, scope: str, record: Record) -> Wanted:
        """What a scope has had, once more."""
        return cls(
            scope=scope,
            unit=record.unit,
            folders=record.folders,
            files=record.files,
            checks=record.checks,
            probes=record.probes,
            run=record.run,
            generation=record.applied,
        )


@dataclasses.dataclass
class Outcome:
    """What was done, or in check mode would be. ``actions`` are the verbs for systemctl, in order."""

    changes: tuple[Change, ...]
    actions: list[str]
    generation: str
    forgets: bool
    """The scope leaves a record behind that has to go."""
    warnings: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.changes or self.actions or self.forgets)


class Host(t.NamedTuple):
    """The ways to a managed host; ``where`` finds a program's path, or None."""

    command: Command
    files: FileStore
    where: t.Callable[[str], str | None]


def apply(wanted: Wanted, host: Host, *, check_only: bool = False) -> Outcome:
    """Bring the daemon to what is wanted. Raises ``DaemonProblem`` or ``FileProblem``; the daemon then runs as before."""
    record, _others = _records(wanted.scope, host.files)
    if wanted.files and record.files and record.unit != wanted.unit:
        return _move(wanted, record, host, check_only=check_only)
    return _apply(wanted, host, check_only=check_only)


def _move(wanted: Wanted, record: Record, host: Host, *, check_only: bool) -> Outcome:
    """To another unit: out of the one that the scope has now, as if the scope went, and into the new one."""
    old = dataclasses.replace(
        Wanted.of(wanted.scope, record), probe_timeout=wanted.probe_timeout, backups=wanted.backups
    )
    gone = _apply(dataclasses.replace(old, files={}), host, check_only=check_only)
    try:
        come = _apply(wanted, host, check_only=check_only)
    except (DaemonProblem, FileProblem) as problem:
        if not check_only:
            try:
                _apply(old, host)
            except (DaemonProblem, FileProblem) as second:
                raise DaemonProblem(f"{problem}\n{old.unit} could not be put back either: {second}") from problem
        raise
    # in check mode the old files are still there, and the new plan has them
    changes = come.changes if check_only else (*come.changes, *gone.changes)
    return dataclasses.replace(come, changes=changes, actions=[*gone.actions, *come.actions])


def _apply(wanted: Wanted, host: Host, *, check_only: bool = False) -> Outcome:
    record, others = _records(wanted.scope, host.files)
    unit = Unit(wanted.unit, host.command)
    state = unit.state()
    files, generation = (wanted.files, wanted.generation) if wanted.generation else with_generation(wanted.files)
    mates = {scope: other for scope, other in others.items() if other.unit == wanted.unit}
    warnings = check_scopes(wanted.scope, files, mates)
    there = {path: _file(path, host.files) for path in paths(files, record)}
    changes = plan(files, record, mates, there)
    if not files and not record.files:
        return Outcome((), [], generation, False, [])
    was = record if record.files else _found(state, mates)
    stays = bool(files or mates or was.was_active)
    enabled = bool(files or mates or was.was_enabled)
    actions = _actions(changes, state, wanted.unit, active=stays, enabled=enabled, fresh=record.applied == generation)
    outcome = Outcome(changes, actions, generation, not files, warnings)
    if outcome.changed and stays:
        _check(wanted, state, outcome, host, check_only=check_only)
    if outcome.changed and not check_only:
        known = dataclasses.replace(
            was,
            unit=wanted.unit,
            # what is only put right is still what that run brought
            run=record.run if record.applied == generation else wanted.run or record.run,
            folders=wanted.folders,
            checks=wanted.checks,
            probes=wanted.probes,
            applied="",
            files=files,
            originals=originals(files, record, mates, there),
        )
        _Change(wanted, host, unit, state).run(outcome, record, known)
    return outcome


class _Change:
    """One run that changes the host, and knows how to put it back."""

    def __init__(self, wanted: Wanted, host: Host, unit: Unit, state: State) -> None:
        self._wanted, self._host, self._unit, self._state = wanted, host, unit, state
        self._record_path = history.path(wanted.scope)

    def run(self, outcome: Outcome, before: Record, after: Record) -> None:
        begin = self._unit.now()
        # Whatever interrupts this, the next run knows both sets of files, what was there, and that it must reload.
        # Where not even this can be written, as on a full disk, there is nothing to put back.
        self._remember(
            dataclasses.replace(
                after,
                files={**before.files, **after.files},
                originals={**before.originals, **after.originals},
            )
        )
        try:
            # What stops is stopped while its unit file is there.
            self._tell((), [action for action in outcome.actions if action in _ENDS])
            _write(outcome.changes, self._host.files)
            self._tell(outcome.changes, [action for action in outcome.actions if action not in _ENDS])
            if outcome.actions and after.files:
                wait_for(self._wanted.probes, outcome.generation, self._wanted.probe_timeout, self._host.command)
        except (DaemonProblem, FileProblem) as problem:
            said = self._unit.said(begin)
            undone = self._roll_back(outcome.changes, before)
            words = f"\nThe daemon said:\n{said}" if said else ""
            raise DaemonProblem(f"{problem}.\n{undone}{words}") from problem
        if after.files:
            if outcome.changes and before.applied and not self._wanted.generation:
                history.keep(self._wanted.scope, before, after.run, self._wanted.backups, self._host.files)
            self._remember(dataclasses.replace(after, applied=outcome.generation))
        else:
            history.forget(self._wanted.scope, self._host.files)
            self._host.files.remove(self._record_path)

    def _tell(self, changes: t.Sequence[Change], actions: t.Sequence[str]) -> None:
        if any(change.path.startswith("/etc/systemd/") for change in changes):
            self._unit.read_unit_files()
        for action in actions:
            self._unit.do(action)
        if {"start", "reload", "restart"} & set(actions) and not self._unit.state().active:
            raise DaemonProblem(f"{self._unit.name} does not run after systemctl {actions[-1]}")

    def _roll_back(self, changes: t.Sequence[Change], before: Record) -> str:
        """Put files and daemon back; returns a sentence that says how that went."""
        # Only what has changed: where the disk is full, nothing else could be written either.
        back = [
            Change(change.path, change.after, change.before)
            for change in reversed(changes)
            if _file(change.path, self._host.files) != change.before
        ]
        try:
            if not self._state.exists and self._unit.state().exists:
                self._tell((), [*_ENDS, "reset-failed"])
            _write(back, self._host.files)
            if before.files:
                # One that knows of more files than there are does no harm; without room it is what stays.
                with contextlib.suppress(FileProblem):
                    self._remember(before)
            else:
                self._host.files.remove(self._record_path)
            now = self._unit.state()
            actions = [] if now.enabled == self._state.enabled else ["enable" if self._state.enabled else "disable"]
            if not self._state.exists:
                actions = []
            elif self._state.active:
                # one that has died again and again on the new files would not be started at all
                actions += [_verb(back, self._unit.name)] if now.active else ["reset-failed", "start"]
            else:
                actions += ["stop", "reset-failed"]
            self._tell(back, actions)
        except (DaemonProblem, FileProblem) as problem:
            return f"The configuration from before could not be put back either: {problem}"
        return "The configuration from before is back."

    def _remember(self, record: Record) -> None:
        self._host.files.write(self._record_path, record_to_json(record), history.PRIVATE)


def _records(scope: str, files: FileStore) -> tuple[Record, dict[str, Record]]:
    records = of_all_scopes(history.FOLDER, files, record_from_json)
    return records.pop(scope, Record()), records


def _file(path: str, files: FileStore) -> File | None:
    content, attributes = files.read(path), files.attributes(path)
    if content is None or attributes is None:
        return None
    return File(content, *attributes)


def _found(state: State, mates: t.Mapping[str, Record]) -> Record:
    """What there was before any scope came."""
    for record in mates.values():
        return record
    return Record(was_active=state.active, was_enabled=state.active and state.enabled)


def _actions(
    changes: t.Sequence[Change], state: State, unit: str, *, active: bool, enabled: bool, fresh: bool
) -> list[str]:
    """The verbs for systemctl that make the unit ``active`` and ``enabled``.

    ``fresh``: the daemon is known to run with these files.
    """
    actions = [] if state.enabled == enabled else ["enable" if enabled else "disable"]
    if not active:
        return ["stop", *actions] if state.active else actions
    if not state.active:
        return [*actions, "start"]
    return [*actions, _verb(changes, unit)] if changes or not fresh else actions


def _verb(changes: t.Sequence[Change], unit: str) -> str:
    """How a running daemon gets to know of changes."""
    of_the_unit = (f"{units.FOLDER}/{unit}", "/etc/default/")
    if not unit.endswith(".service"):
        return "restart"  # nothing else can be reloaded
    started_otherwise = any(
        change.path.startswith(of_the_unit) and _how_it_is_started(change.before) != _how_it_is_started(change.after)
        for change in changes
    )
    return "restart" if started_otherwise else "reload"


def _how_it_is_started(file: File | None) -> list[str]:
    """The lines that a process gets to know only when it is started."""
    return [line for line in (file.content.splitlines() if file else []) if not _OF_SYSTEMD.match(line)]


def _check(wanted: Wanted, state: State, outcome: Outcome, host: Host, *, check_only: bool) -> None:
    missing = [each.argv[0] for each in wanted.checks if host.where(each.argv[0]) is None]
    comes = f"{units.FOLDER}/{wanted.unit}" in wanted.files
    if missing or not (state.exists or comes):
        what = f"{missing[0]} is not installed" if missing else f"this host has no {wanted.unit}"
        if not check_only:
            raise DaemonProblem(f"{what}: install its package first")
        outcome.warnings.append(f"{what} yet, so its configuration could not be checked")
        return
    check(wanted.checks, wanted.folders, outcome.changes, host.command, host.files)


def _write(changes: t.Iterable[Change], files: FileStore) -> None:
    for change in changes:
        if change.after is None:
            files.remove(change.path)
        else:
            file = change.after
            files.write(change.path, file.content, file.mode, file.owner, file.group)
