# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings IPVS back at boot: a rules file and units of our own."""

from __future__ import annotations

import contextlib
import re
import typing as t

from ..system.files import FileProblem
from ..system.info import timeout_scopes, timeouts_unit
from ..system.units import FOLDER as UNITS
from ..system.units import Unit, UnitProblem, Units
from . import parse, render
from .app import Outcome, Session
from .model import ServiceKey, Table
from .runner import IpvsError

FOLDER = "/etc/mixed_lb/ipvs"
SUFFIX = ".rules"
SCOPE = re.compile(r"[a-z0-9][a-z0-9_-]*")


def check_scope(scope: str) -> None:
    if not SCOPE.fullmatch(scope):
        raise IpvsError(
            f"persist: {scope!r} is no scope name: use small letters, digits, _ and -, and begin without _ or -"
        )


def former(session: Session, scope: str) -> frozenset[ServiceKey]:
    """The services that boot restores so far for this scope and for no other; none where a file is not understood."""
    own: set[ServiceKey] = set()
    others: set[ServiceKey] = set()
    for name in session.files.names(FOLDER):
        path = f"{FOLDER}/{name}"
        if not name.endswith(SUFFIX):
            continue
        try:
            found = parse.service_keys(session.files.read(path) or "")
        except parse.ParseError as error:
            session.warn(f"{path} is damaged ({error.line!r}): what {scope} had outside of restrict stays in the table")
            return frozenset()
        (own if path == _path(scope) else others).update(found)
    return frozenset(own - others)


def persist_table(session: Session, scope: str, table: Table, outcome: Outcome) -> None:
    """Make the boot restore this table; an empty one takes the scope's file and unit away."""
    path, name = _path(scope), f"mixed-lb-ipvs-{scope}.service"
    wanted = render.rules(table) or None
    found = session.files.read(path)
    if found != wanted:
        outcome.changed = True
        outcome.compare(path, found or "", wanted or "")
        with _boot_words(outcome):
            _put(session, path, wanted)
    # systemd looks the bare name up by itself, in /usr/sbin too.
    unit = render.boot_unit(f"IPVS table of scope {scope}", "ipvsadm -R", rules_file=path) if wanted else None
    persist_unit(session, name, unit, outcome)


def timeouts(session: Session) -> dict[str, parse.Timeouts]:
    """What boot sets for each scope, out of their units."""
    found = {}
    for scope in timeout_scopes(session.files):
        text = session.files.read(f"{UNITS}/{timeouts_unit(scope)}") or ""
        words = re.search(r"^ExecStart=ipvsadm --set (\d+) (\d+) (\d+)$", text, re.MULTILINE)
        if words:
            found[scope] = parse.Timeouts(*map(int, words.groups()))
    return found


def persist_unit(session: Session, name: str, content: str | None, outcome: Outcome) -> None:
    """Install and enable a unit, or remove it where ``content`` is ``None``; the live system is not touched."""
    units = Units(session.command, session.files)
    unit = Unit(name, content or "")
    outcome.compare(unit.path, session.files.read(unit.path) or "", unit.content)
    with _boot_words(outcome):
        check = session.check
        acted = units.remove(name, check=check) if content is None else units.install(unit, check=check)
        outcome.changed = acted or outcome.changed


def _path(scope: str) -> str:
    return f"{FOLDER}/{scope}{SUFFIX}"


def _put(session: Session, path: str, content: str | None) -> None:
    if session.check:
        return
    if content is None:
        session.files.remove(path)
    else:
        session.files.write(path, content)


@contextlib.contextmanager
def _boot_words(outcome: Outcome) -> t.Iterator[None]:
    """Say in every failure that the live part was done, and what it was."""
    try:
        yield
    except (FileProblem, UnitProblem) as error:
        text = f"IPVS is as asked for now, but will not be after a reboot: {error}"
        raise IpvsError(text, changed=outcome.changed, commands=outcome.commands) from error
