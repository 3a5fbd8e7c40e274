# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ipvs_timeouts`` and ``ipvs_sync_daemon`` do: values of the kernel's IPVS that are not in its table."""

from __future__ import annotations

import re
import typing as t

from ..system.info import timeouts_unit
from . import boot, owner, parse, render
from .app import Outcome, Session
from .model import MAX_SECONDS, ModelError, family_of, normal_address
from .parse import Daemon, Timeouts
from .runner import IpvsError, cure, words_of

Params = t.Mapping[str, t.Any]

KERNEL_TIMEOUTS = Timeouts(900, 120, 300)
NONE = Timeouts(0, 0, 0)
# A dot cannot be in a scope's name, so this never meets the unit of a scope's table.
DAEMON_UNIT = "mixed-lb-ipvs.sync-{role}.service"


def timeouts(session: Session, params: Params) -> Outcome:
    """Set what is given; 0 or nothing keeps what is there, but what the scope has set before it takes back."""
    scope = params["persist"]
    if scope is not None:
        boot.check_scope(scope)
    asked = Timeouts(*(params[name] or 0 for name in Timeouts._fields))
    for name, seconds in zip(Timeouts._fields, asked, strict=True):
        if not 0 <= seconds <= MAX_SECONDS:
            raise ModelError(f"{name}: {seconds} is out of range, 0 to {MAX_SECONDS} seconds")
    if not params["ignore_keepalived"]:
        owner.refuse_keepalived(session.command, session.files, "lvs_timeouts")
    outcome = _set(session, asked if scope is None else _given_back(session, scope, asked))
    if scope is not None:
        unit = render.boot_unit("IPVS timeouts", " ".join(["ipvsadm", *_words(asked)])) if any(asked) else None
        boot.persist_unit(session, timeouts_unit(scope), unit, outcome)
    return outcome


def _set(session: Session, asked: Timeouts) -> Outcome:
    before = KERNEL_TIMEOUTS  # what ip_vs starts with when it is loaded
    if session.readable():
        before = parse.timeouts(session.ipvsadm.listing("-Ln", "--timeout"))
    after = Timeouts(*(new or old for new, old in zip(asked, before, strict=True)))
    outcome = Outcome(before != after, before=before._asdict(), after=after._asdict())
    if outcome.changed:
        outcome.commands.append(" ".join(["ipvsadm", *_words(asked)]))
        outcome.compare("IPVS timeouts", _lines(outcome.before), _lines(outcome.after))
        if not session.check:
            _run(session, _words(asked))
            now = parse.timeouts(session.ipvsadm.listing("-Ln", "--timeout"))
            if now != after:
                raise _not_in_force(after, now, outcome)
    return outcome


def _words(asked: Timeouts) -> list[str]:
    return ["--set", *map(str, asked)]


def _given_back(session: Session, scope: str, asked: Timeouts) -> Timeouts:
    """``asked``, and the kernel's own value where the scope has set one before and nobody does now.

    Raises ``ModelError`` where another scope sets another value.
    """
    kept = boot.timeouts(session)
    before = kept.pop(scope, NONE)
    wanted = dict(zip(Timeouts._fields, asked, strict=True))
    for name, seconds in wanted.items():
        theirs = {other: value for other, values in kept.items() if (value := getattr(values, name))}
        for other, value in theirs.items():
            if seconds not in (0, value):
                raise ModelError(
                    f"{name}: scope {scope} wants {seconds}, scope {other} wants {value}: the kernel has one"
                )
        # without ip_vs there is none to give back
        if not seconds and not theirs and getattr(before, name) and session.loaded():
            wanted[name] = getattr(KERNEL_TIMEOUTS, name)
    return Timeouts(**wanted)


def sync_daemon(session: Session, params: Params) -> Outcome:
    """Start, stop, or start anew with other values; the daemon that ran comes back when the new one is refused."""
    role = params["role"]
    new = _asked(params) if params["state"] == "started" else None
    if not params["ignore_keepalived"]:
        owner.refuse_keepalived(session.command, session.files, "lvs_sync_daemon")
    old = _running(session, role)
    outcome = Outcome(not _fits(new, old), before=_options(old), after=_options(new))
    if not outcome.changed:
        outcome.after = outcome.before
    else:
        steps = [["--stop-daemon", role]] if old else []
        steps += [_start(new)] if new else []
        outcome.commands = [" ".join(["ipvsadm", *step]) for step in steps]
        outcome.compare(f"IPVS {role} sync daemon", _lines(outcome.before), _lines(outcome.after))
        if not session.check:
            _switch(session, steps, old)
            now = _running(session, role)
            if not _fits(new, now):
                raise _not_in_force(new, now, outcome)
    if params["persist"] is not None:
        text = f"IPVS {role} sync daemon"
        # The kernel binds the daemon to an address of the interface, so the network has to be there.
        unit = (
            render.boot_unit(text, " ".join(["ipvsadm", *_start(new)]), online=True)
            if new and params["persist"]
            else None
        )
        boot.persist_unit(session, DAEMON_UNIT.format(role=role), unit, outcome)
    return outcome


def _asked(params: Params) -> Daemon:
    interface = params["interface"] or ""
    if not re.fullmatch(r"[^\s/]{1,15}", interface):
        raise ModelError(f"interface: {interface!r} is no interface name (1 to 15 characters, no blank, no slash)")
    role, group = params["role"], normal_address(params["group"])
    family = family_of(group)
    if not (group.startswith("ff") if family == "ipv6" else 224 <= int(group.split(".")[0]) <= 239):
        raise ModelError(f"group: {group} is no multicast address (224.0.0.0 to 239.255.255.255, or ff00::/8)")
    limits = {"sync_id": (0, 255), "port": (1, 65535), "ttl": (1, 255), "max_length": _lengths(role, family)}
    for name, (low, high) in limits.items():
        if params[name] is not None and not low <= params[name] <= high:
            whose = f" for a {role} with an {family} group" if name == "max_length" else ""
            raise ModelError(f"{name}: {params[name]} is out of range, {low} to {high}{whose}")
    return Daemon(
        role=role,
        interface=interface,
        sync_id=params["sync_id"],
        max_length=params["max_length"] or 0,
        group=group,
        port=params["port"],
        ttl=params["ttl"],
    )


def _lengths(role: str, family: str) -> tuple[int, int]:
    """Beyond these the kernel takes another value without a word: 65535 less the headers, and a backup's least."""
    return 1024 if role == "backup" else 1, 65487 if family == "ipv6" else 65507


def _start(daemon: Daemon) -> list[str]:
    words = ["--start-daemon", daemon.role, "--mcast-interface", daemon.interface, "--syncid", str(daemon.sync_id)]
    words += ["--mcast-group", daemon.group, "--mcast-port", str(daemon.port), "--mcast-ttl", str(daemon.ttl)]
    return [*words, "--sync-maxlen", str(daemon.max_length)] if daemon.max_length else words


def _running(session: Session, role: str) -> Daemon | None:
    if not session.readable():
        return None
    found = parse.daemons(session.ipvsadm.listing("-Ln", "--daemon"))
    return next((daemon for daemon in found if daemon.role == role), None)


def _fits(new: Daemon | None, old: Daemon | None) -> bool:
    """Whether what runs is what is asked for; without ``max_length`` the kernel takes one of its own."""
    if new is None or old is None:
        return new is old
    return (new if new.max_length else new._replace(max_length=old.max_length)) == old


def _switch(session: Session, steps: list[list[str]], old: Daemon | None) -> None:
    """Run the steps. Where a daemon was stopped and the next is refused, the stopped one is started again."""
    for place, step in enumerate(steps):
        try:
            _run(session, step)
        except IpvsError as error:
            if old is None or place == 0:
                raise
            try:
                _run(session, _start(old))
            except IpvsError as again:
                text = f"{error}; and starting the former daemon again failed too, so none runs: {again}"
                raise IpvsError(text, changed=True) from error
            raise IpvsError(f"{error}; the former daemon runs again") from error


def _run(session: Session, arguments: list[str]) -> None:
    result = session.ipvsadm.run(*arguments)
    if result.rc != 0:
        said = words_of(result)
        raise IpvsError(f"'ipvsadm {' '.join(arguments)}' failed: {said}{_daemon_cure(said, arguments) or cure(said)}")


def _daemon_cure(said: str, arguments: list[str]) -> str:
    if arguments[0] != "--start-daemon":
        return ""
    if "No such device" in said:
        return f": this host has no interface {arguments[3]}"
    if "Invalid operation" in said:
        return ": no destination may be of another family than its service, and the interface needs an address"
    return ""


def _not_in_force(wanted: object, found: object, outcome: Outcome) -> IpvsError:
    return IpvsError(
        f"'{'; '.join(outcome.commands)}' succeeded, but {found} is in force instead of {wanted}: another program "
        "changes it as well",
        changed=True,
    )


def _options(daemon: Daemon | None) -> dict[str, t.Any]:
    if daemon is None:
        return {}
    return {**daemon._asdict(), "max_length": daemon.max_length or None}


def _lines(values: t.Mapping[str, t.Any]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in values.items())
