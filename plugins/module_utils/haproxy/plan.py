# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands between what a server is and what is wanted of it. Pure."""

from __future__ import annotations

import dataclasses

from .model import HIGHEST_WEIGHT, HaproxyProblem, Server, Wanted

DEFAULT_WEIGHT = 1
ABSENT = "absent"


def plan(before: Server | None, wanted: Wanted) -> tuple[str, ...]:
    """The commands, in order. Raises ``HaproxyProblem`` where there is no way."""
    if wanted.weight is not None and not 0 <= wanted.weight <= HIGHEST_WEIGHT:
        raise HaproxyProblem(f"weight: {wanted.weight} is not between 0 and {HIGHEST_WEIGHT}")
    if wanted.state == ABSENT:
        return _remove(before)
    if before is None:
        return _add(wanted)
    _check_address(before, wanted)
    commands = []
    if wanted.weight is not None and wanted.weight != before.weight:
        # first, so that a server that becomes ready begins with it
        commands.append(f"set server {before.place} weight {wanted.weight}")
    if wanted.state is not None and wanted.state != before.state:
        commands.append(f"set server {before.place} state {wanted.state}")
    return tuple(commands)


def predicted(before: Server | None, wanted: Wanted) -> Server | None:
    """What the server will be after the plan."""
    if wanted.state == ABSENT:
        return None
    if before is None:
        return Server(
            backend=wanted.backend,
            name=wanted.name,
            address=wanted.address or "",
            port=wanted.port or 0,
            state=wanted.state or "ready",
            weight=DEFAULT_WEIGHT if wanted.weight is None else wanted.weight,
            up=True,
        )
    return dataclasses.replace(
        before,
        state=wanted.state or before.state,
        weight=before.weight if wanted.weight is None else wanted.weight,
    )


def endpoint(address: str, port: int | None) -> str:
    """``ADDRESS:PORT``, an IPv6 address in brackets."""
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port}" if port else host


def _remove(before: Server | None) -> tuple[str, ...]:
    if before is None:
        return ()
    first = () if before.state == "maint" else (f"set server {before.place} state maint",)
    return (*first, f"del server {before.place}")


def _add(wanted: Wanted) -> tuple[str, ...]:
    if not wanted.address:
        raise HaproxyProblem(f"there is no server {wanted.place}; with address it is added")
    words = [*(["check"] if wanted.check else []), *wanted.words]
    if wanted.weight is not None:
        words += ["weight", str(wanted.weight)]
    add = " ".join([f"add server {wanted.place} {endpoint(wanted.address, wanted.port)}", *words])
    # A new server is in maintenance, and its check is off.
    health = (f"enable health {wanted.place}",) if wanted.check else ()
    state = wanted.state or "ready"
    return (add, *health, *((f"set server {wanted.place} state {state}",) if state != "maint" else ()))


def _check_address(before: Server, wanted: Wanted) -> None:
    """A server keeps its address: what is open would go on to the old one."""
    if (wanted.address and wanted.address != before.address) or (wanted.port and wanted.port != before.port):
        raise HaproxyProblem(
            f"{before.place} is {endpoint(before.address, before.port)}, not"
            f" {endpoint(wanted.address or before.address, wanted.port or before.port)}."
            f" Take it away with state: absent first, or add the new one under another name"
        )
