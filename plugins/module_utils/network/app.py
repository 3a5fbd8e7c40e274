# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a host's network what a scope wants: read, plan, execute, read again; on failure everything is taken back."""

from __future__ import annotations

import dataclasses
import ipaddress
import shlex
import typing as t

from ..system.command import Command, ProgramMissing
from ..system.files import FileStore
from ..system.units import Unit, Units
from .announce import announce
from .filters import chain_of, same_rules
from .host import Reader, concerns, networkd_files, records
from .model import Address, Item, Key, Live, NetworkProblem, Record, Route, Wanted
from .plan import Plan, Step, meets, plan
from .render import drop_ins, record_path, record_to_json, script, script_path, unit, unit_name
from .words import shown


@dataclasses.dataclass
class Outcome:
    """What was done, or in check mode would be; ``files`` maps each changed path to its text before and after."""

    commands: list[str]
    before: list[str]
    after: list[str]
    files: dict[str, tuple[str | None, str | None]]

    @property
    def changed(self) -> bool:
        return bool(self.commands or self.files)


def apply(
    scope: str, wanted: Wanted, command: Command, store: FileStore, *, check: bool = False, purge: bool = True
) -> Outcome:
    """Bring the host to ``wanted``; ``Wanted()`` takes back all that the scope did. Without ``purge`` nothing is taken back.

    Raises ``NetworkProblem``, ``FileProblem``, ``UnitProblem`` or ``ProgramMissing``; where that happens after the
    first change, the live network is as it was before, or the text says what is not.
    """
    memory, others = records(scope, store)
    record = memory or Record()
    wanted = wanted if purge else wanted.beside(record.wanted)
    if memory is None and wanted == Wanted():
        return Outcome([], [], [], {})
    reader = Reader(scope, command, lenient=check)
    live = reader.live(*concerns(wanted, record.wanted))
    todo = plan(scope, wanted, record, others, live)
    texts = _texts(scope, wanted, live, store)
    kept = Record(wanted, todo.found, tuple(sorted(texts)))
    texts[record_path(scope)] = record_to_json(kept)
    if wanted == Wanted():
        texts = {}
    stale = {path: None for path in (*record.files, record_path(scope)) if path not in texts}
    files = {path: (before, text) for path, text in (texts | stale).items() if (before := store.read(path)) != text}
    service = Unit(unit_name(scope), unit(scope, wanted))
    units = Units(command, store)
    outcome = Outcome(
        [_command_line(step) for step in todo.steps],
        _described(scope, wanted, record, live.items, live),
        _described(scope, wanted, record, todo.after, live, predicted=True),
        files | _unit_file(service, wanted, units, store),
    )
    if check or not outcome.changed:
        return outcome
    # Before the first change, and until the last: whatever becomes of this run, what it lays down is known to be ours.
    store.write(record_path(scope), record_to_json(_both(record, kept)))
    try:
        _execute(todo.steps, command)
    except (NetworkProblem, ProgramMissing):
        _put(store, record_path(scope), None if memory is None else record_to_json(memory))
        raise
    for path, (_before, text) in files.items():
        if path != record_path(scope):
            _put(store, path, text)
    if wanted == Wanted():
        units.remove(service.name)
    else:
        units.install(service)
    _put(store, record_path(scope), texts.get(record_path(scope)))
    if todo.steps:
        _verify(scope, wanted, kept, others, reader, todo)
    return outcome


def _texts(scope: str, wanted: Wanted, live: Live, store: FileStore) -> dict[str, str | None]:
    """Path to text of the scope's files, but for its record and unit."""
    gateways = {
        address.interface
        for route in wanted.of(Route)
        for address in live.items.values()
        if route.via and not route.interface and isinstance(address, Address)
        if ipaddress.ip_address(route.via) in address.network
    }
    found: dict[str, str | None] = {script_path(scope): script(scope, wanted, live.tools)}
    return found | drop_ins(scope, wanted, networkd_files(live.links, store), gateways)


def _unit_file(
    service: Unit, wanted: Wanted, units: Units, store: FileStore
) -> dict[str, tuple[str | None, str | None]]:
    """The unit as a changed file, if it is to be written, enabled or removed."""
    gone = wanted == Wanted()
    changes = units.remove(service.name, check=True) if gone else units.install(service, check=True)
    return {service.path: (store.read(service.path), None if gone else service.content)} if changes else {}


def _both(old: Record, new: Record) -> Record:
    """A record that claims what either does, for the time of the change."""
    files = tuple(sorted({*old.files, *new.files}))
    return Record(new.wanted.beside(old.wanted), {**old.found, **new.found}, files)


def _execute(steps: t.Sequence[Step], command: Command) -> None:
    done: list[Step] = []
    for step in steps:
        try:
            _run(step, command)
        except (NetworkProblem, ProgramMissing) as problem:
            left = _take_back(done, command)
            state = f"what could not be taken back: {'; '.join(left)}" if left else "all earlier steps were taken back"
            raise NetworkProblem(f"{problem} ({state})") from problem
        done.append(step)


def _take_back(done: list[Step], command: Command) -> list[str]:
    left = []
    for step in reversed(done):
        if step.undo is not None:
            try:
                _run(step.undo, command)
            except (NetworkProblem, ProgramMissing) as problem:
                left.append(str(problem))
    return left


def _run(step: Step, command: Command) -> None:
    result = command(step.argv, step.stdin)
    if result.rc != 0:
        said = " ".join((result.err.strip() or result.out.strip() or f"exit code {result.rc}").split("\n"))
        raise NetworkProblem(f"{_command_line(step)} failed: {said}")


def _verify(
    scope: str, wanted: Wanted, record: Record, others: t.Mapping[str, Record], reader: Reader, done: Plan
) -> None:
    live = reader.live(*concerns(wanted, record.wanted))
    left = plan(scope, wanted, record, others, live).steps
    if left:
        missing = "; ".join(map(_command_line, left))
        raise NetworkProblem(
            f"the host did not keep what was set, as if something else manages it too. Missing: {missing}"
        )
    for address in done.arrived:
        announce(address, live.links[address.interface])


def _put(store: FileStore, path: str, content: str | None) -> None:
    if content is None:
        store.remove(path)
    else:
        store.write(path, content)


def _command_line(step: Step) -> str:
    body = "; ".join(step.stdin.splitlines()) if step.stdin else ""
    return f"{shlex.join(step.argv)}{f' <<< {shlex.quote(body)}' if body else ''}"


def _described(
    scope: str, wanted: Wanted, record: Record, items: t.Mapping[Key, Item], live: Live, *, predicted: bool = False
) -> list[str]:
    asked = {item.key: item for item in wanted.items}
    lines = []
    for key in asked | record.items:
        if key in items:  # as it was asked for, if that is what is there: what the kernel filled in is of no interest
            item = asked.get(key)
            lines.append(shown(item if item is not None and meets(items[key], item) else items[key]))
    for family, table in sorted({*wanted.filters, *record.wanted.filters}):
        target, there = wanted.filters.get((family, table), ()), live.chains[family, table][0] or ()
        rules = target if predicted or same_rules(there, target) else there
        tool = f"{live.tools[family].removesuffix('-legacy')} -t {table} -A {chain_of(scope)}"
        lines += [f"{tool} {rule}" for rule in rules]
    return sorted(lines)
