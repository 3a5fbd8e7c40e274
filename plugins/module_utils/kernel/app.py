# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the kernel what a scope wants: read, plan, execute, read again; on failure everything is put back."""

from __future__ import annotations

import dataclasses
import typing as t

from ..system.command import Command
from ..system.files import FileProblem, FileStore, Proc
from ..system.records import of_all_scopes
from .model import FORWARDING, Record, Settings, SettingsProblem, record_from_json, record_to_json, same, same_parameter
from .plan import Plan, ReloadNeeded, Write, check_scopes, held, plan_values, to_load, to_unload
from .render import FOLDER, files, record_path


class Host(t.NamedTuple):
    """The ways to a managed host."""

    command: Command
    files: FileStore
    proc: Proc


@dataclasses.dataclass
class Outcome:
    """What was done, or in check mode would be. ``files`` maps each changed path to its text before and after.

    ``kept``: what is not wanted any more, and was not taken back.
    """

    files: dict[str, tuple[str | None, str | None]]
    writes: tuple[Write, ...]
    loaded: list[str]
    unloaded: list[str]
    reload_needed: list[ReloadNeeded]
    warnings: list[str]
    record_changed: bool
    kept: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.files or self.writes or self.loaded or self.unloaded or self.record_changed)


def apply(scope: str, wanted: Settings, host: Host, *, check: bool = False, purge: bool = True) -> Outcome:
    """Bring the host to ``wanted``; ``Settings()`` takes back all that the scope did. Without ``purge`` nothing is taken back.

    Raises ``SettingsProblem``, ``FileProblem`` or ``ProgramMissing``; the host is then as it was before the call.
    """
    record, others = _records(scope, host.files)
    kept = [] if purge else sorted({*record.settings.names()} - {*wanted.names()})
    wanted = wanted if purge else wanted.beside(record.settings)
    check_scopes(scope, wanted, others)
    missing = to_load(wanted, lambda module: _present(module, host.proc))
    users = _users(host.proc) if wanted.modules or record.loaded else {}
    unload = to_unload(wanted, record, others, users)
    changed = _changed_files(scope, wanted, host.files)
    if missing:
        _modprobe(host.command, ["--dry-run", "--all", *missing])
    running = _running(wanted, record, host.proc)
    plan = plan_values(wanted, record, others, running, users=users, unloaded=unload, modules_missing=bool(missing))
    _refuse_read_only(plan, host.proc)
    record_changed = _record_text(plan) != _read_record(scope, host)
    outcome = Outcome(changed, plan.writes, missing, unload, [], [], record_changed, kept)
    if not check and outcome.changed:
        _Change(scope, host, outcome).run(wanted, record, others)
    outcome.reload_needed = _reload_needed(wanted, set(missing), host.proc)
    return outcome


class _Change:
    """One run that changes the host, and knows at every point how to put it back."""

    def __init__(self, scope: str, host: Host, outcome: Outcome) -> None:
        self._scope, self._host, self._outcome = scope, host, outcome
        self._undo: list[t.Callable[[], object]] = []

    def run(self, wanted: Settings, record: Record, others: t.Mapping[str, Record]) -> None:
        try:
            # Before all that it remembers, and until that is taken back: whatever becomes of this run, the next one knows.
            claim = _both(record, Record(wanted, {}, tuple(self._outcome.loaded)))
            self._file(record_path(self._scope), record_to_json(claim))
            for path, (_before, after) in self._outcome.files.items():
                self._file(path, after)  # first: a module reads its parameters from modprobe.d when it is loaded
            loaded = self._load(self._outcome.loaded) if self._outcome.loaded else []
            running = _running(wanted, record, self._host.proc)  # anew: modules bring keys with them
            users = _users(self._host.proc)
            self._outcome.unloaded = unload = to_unload(wanted, record, others, users)
            plan = plan_values(wanted, record, others, running, users=users, loaded=loaded, unloaded=unload)
            _refuse_read_only(plan, self._host.proc)
            self._file(record_path(self._scope), record_to_json(_both(claim, plan.record or Record())))
            self._set(plan.writes, wanted, others)
        except (SettingsProblem, FileProblem):
            self._roll_back()
            raise
        self._outcome.writes, self._outcome.loaded = plan.writes, loaded
        self._unload(wanted, record, others)
        self._file(record_path(self._scope), _record_text(plan))

    def _file(self, path: str, content: str | None) -> None:
        before = self._host.files.read(path)
        if before == content:
            return
        self._undo.append(lambda: _put(self._host.files, path, before))
        _put(self._host.files, path, content)

    def _load(self, modules: list[str]) -> list[str]:
        """Load modules; returns all that came, dependencies too, in the order in which they came."""
        before = _users(self._host.proc)
        self._undo.append(lambda: self._rmmod([m for m in _users(self._host.proc) if m not in before]))
        _modprobe(self._host.command, ["--all", *modules])
        return [module for module in reversed(_users(self._host.proc)) if module not in before]

    def _unload(self, wanted: Settings, record: Record, others: t.Mapping[str, Record]) -> None:
        users = _users(self._host.proc)
        stays = {m: f"in use by {', '.join(by)}" for m, by in held(wanted, record, others, users).items()}
        stays |= self._rmmod(self._outcome.unloaded)
        self._outcome.unloaded = [module for module in self._outcome.unloaded if module not in stays]
        for module, why in stays.items():
            if module in record.settings.modules:  # a dependency may well be in use by somebody else by now
                self._outcome.warnings.append(f"kernel module {module} stays loaded until the next boot: {why}")

    def _rmmod(self, modules: list[str]) -> dict[str, str]:
        """Unload in the given order; returns what stayed, with the tool's words.

        Not modprobe -r, as that also takes dependencies that were loaded before us and are idle.
        """
        refused = {}
        for module in modules:
            result = self._host.command(["rmmod", module])
            if result.rc != 0:
                refused[module] = result.err.strip()
        return refused

    def _set(self, writes: t.Sequence[Write], wanted: Settings, others: t.Mapping[str, Record]) -> None:
        proc = self._host.proc
        # Switching forwarding resets values that other scopes may own.
        switching = any(write.key in FORWARDING for write in writes)
        theirs = [key for other in others.values() for key in other.settings.sysctls] if switching else []
        bystanders = {key: value for key in theirs if (value := proc.read(_path(key))) is not None}
        for write in writes:
            self._value(write.key, write.after)
        for key, value in [*wanted.sysctls.items(), *bystanders.items()] if switching else []:
            now = proc.read(_path(key))
            if now is not None and not same(key, now, value):
                self._value(key, value)

    def _value(self, key: str, value: str) -> None:
        proc = self._host.proc
        before = proc.read(_path(key))
        if before is not None:
            self._undo.append(lambda: proc.write(_path(key), before))
        proc.write(_path(key), value)
        now = proc.read(_path(key)) or ""
        if not same(key, now, value):
            raise SettingsProblem(
                f"the kernel made {now!r} of {value!r} for sysctl {key}: ask for a value that it keeps"
            )

    def _roll_back(self) -> None:
        for undo in reversed(self._undo):
            try:
                undo()
            except FileProblem:  # the first error is the one to tell; go on and put back what can be put back
                continue


def _records(scope: str, store: FileStore) -> tuple[Record, dict[str, Record]]:
    records = of_all_scopes(FOLDER, store, record_from_json)
    return records.pop(scope, Record()), records


def _read_record(scope: str, host: Host) -> str | None:
    return host.files.read(record_path(scope))


def _record_text(plan: Plan) -> str | None:
    return None if plan.record is None else record_to_json(plan.record)


def _both(old: Record, new: Record) -> Record:
    """A record that claims what either does, for the time of the change."""
    loaded = tuple(dict.fromkeys([*old.loaded, *new.loaded]))
    return Record(new.settings.beside(old.settings), {**new.originals, **old.originals}, loaded)


def _changed_files(scope: str, wanted: Settings, store: FileStore) -> dict[str, tuple[str | None, str | None]]:
    pairs = {path: (store.read(path), text) for path, text in files(scope, wanted).items()}
    return {path: (before, after) for path, (before, after) in pairs.items() if before != after}


def _put(store: FileStore, path: str, content: str | None) -> None:
    if content is None:
        store.remove(path)
    else:
        store.write(path, content)


def _running(wanted: Settings, record: Record, proc: Proc) -> dict[str, str | None]:
    return {key: proc.read(_path(key)) for key in {*wanted.sysctls, *record.originals}}


def _path(key: str) -> str:
    return f"/proc/sys/{key}"


def _refuse_read_only(plan: Plan, proc: Proc) -> None:
    locked = [w.key for w in plan.writes if w.before is not None and not proc.writable(_path(w.key))]
    if locked:
        raise SettingsProblem(
            f"sysctl {', '.join(locked)} cannot be set: not root, or /proc/sys is read-only here, as in a container."
            " Become root, on a host with a kernel of its own"
        )


def _present(module: str, proc: Proc) -> bool:
    if proc.exists(f"/sys/module/{module}"):
        return True
    release = proc.read("/proc/sys/kernel/osrelease")
    builtin = proc.read(f"/lib/modules/{release}/modules.builtin") or ""
    names = (line.rsplit("/", 1)[-1].split(".")[0].replace("-", "_") for line in builtin.splitlines())
    return module in names


def _users(proc: Proc) -> dict[str, list[str]]:
    """Modules in memory, the newest first, each with the modules that use it."""
    lines = [line.split() for line in (proc.read("/proc/modules") or "").splitlines()]
    return {words[0]: [user for user in words[3].split(",") if user and user != "-"] for words in lines}


def _modprobe(command: Command, words: list[str]) -> None:
    result = command(["modprobe", *words])
    if result.rc != 0:
        modules = ", ".join(word for word in words if not word.startswith("--"))
        raise SettingsProblem(
            f"cannot load kernel module {modules}: {result.err.strip() or f'modprobe ended with {result.rc}'}."
            " Install the package of this kernel that holds it, or boot a kernel that has it"
        )


def _reload_needed(wanted: Settings, loading: set[str], proc: Proc) -> list[ReloadNeeded]:
    found = []
    for (module, parameter), value in wanted.parameters.items():
        now = None if module in loading else proc.read(f"/sys/module/{module}/parameters/{parameter}")
        if now is not None and not same_parameter(now, value):
            found.append(ReloadNeeded(module, parameter, now, value))
    return found
