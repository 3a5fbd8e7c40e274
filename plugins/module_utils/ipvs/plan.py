# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands make the table that is there into the table that shall be. No I/O, no state."""

from __future__ import annotations

import dataclasses
import typing as t

from . import render
from .model import Destination, ModelError, Service, ServiceKey, Table

Verb = t.Literal[
    "add_service", "edit_service", "delete_service", "add_destination", "edit_destination", "delete_destination"
]

SWITCH: dict[Verb, str] = {
    "add_service": "-A",
    "edit_service": "-E",
    "delete_service": "-D",
    "add_destination": "-a",
    "edit_destination": "-e",
    "delete_destination": "-d",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Op:
    """One record to write or delete; ``destination`` is set for the three verbs on destinations."""

    verb: Verb
    service: Service
    destination: Destination | None = None

    @property
    def arguments(self) -> list[str]:
        """The words after ``ipvsadm``, which are also the words of a line for ``ipvsadm -R``."""
        key, switch = self.service.key, SWITCH[self.verb]
        if self.destination is None:
            rest = render.key_arguments(key) if switch == "-D" else render.service_arguments(self.service)
        elif switch == "-d":
            rest = render.destination_key_arguments(key, self.destination)
        else:
            rest = render.destination_arguments(key, self.destination)
        return [switch, *rest]

    def __str__(self) -> str:
        return " ".join(["ipvsadm", *self.arguments])


@dataclasses.dataclass(frozen=True)
class Policy:
    """What a call may do. ``restrict`` holds addresses and marks (``None``: only the services it names).

    ``former`` are services that were of this task before: they are purged, too, wherever they are.
    """

    restrict: frozenset[str | int] | None = None
    purge: bool = False
    keep_weights: bool = False
    former: frozenset[ServiceKey] = frozenset()

    def covers(self, key: ServiceKey) -> bool:
        return self.restrict is None or (key.fwmark or key.address) in self.restrict

    def purges(self, key: ServiceKey) -> bool:
        """Whether the service goes unless it is described."""
        return self.purge and (key in self.former or self.covers(key))


def target(current: Table, desired: Table, policy: Policy) -> Table:
    """The whole table as it shall be: what the policy does not reach stays as it is.

    Raises ``ModelError`` for a desired service outside of ``restrict``.
    """
    if policy.purge and policy.restrict is None:
        raise ModelError("purge needs restrict: the addresses and fwmarks whose services belong to this task")
    for key in desired:
        if not policy.covers(key):
            raise ModelError(
                f"{key} is not within restrict: add {key.fwmark or key.address} there, or move the service"
            )
    kept = {key: found for key, found in current.items() if not policy.purges(key)}
    if not policy.keep_weights:
        return {**kept, **desired}
    return {**kept, **{key: _with_live_weights(found, current.get(key)) for key, found in desired.items()}}


def diff(current: Table, wanted: Table) -> tuple[Op, ...]:
    """One command for each record that differs, in an order that never takes away before it has given.

    Records are edited in place: deleting and adding would cut connections, and the kernel scans what was
    deleted lately on every add.
    """
    giving: list[Op] = []
    taking: list[Op] = []
    for key in sorted(wanted):
        service, live = wanted[key], current.get(key)
        if live is None:
            giving.append(Op("add_service", service.settings))
        elif live == service:
            continue
        elif live.settings != service.settings:
            giving.append(Op("edit_service", service.settings))
        before = {found.key: found for found in live.destinations} if live else {}
        for found in service.destinations:
            old = before.pop(found.key, None)
            if old is None:
                giving.append(Op("add_destination", service, found))
            elif old != found:
                giving.append(Op("edit_destination", service, found))
        taking += [Op("delete_destination", service, old) for old in before.values()]
    taking += [Op("delete_service", current[key].settings) for key in sorted(current) if key not in wanted]
    return (*giving, *taking)


def draining(current: Table, wanted: Table) -> Table:
    """The step before ``wanted``: all that shall come is there, and what is worth waiting for still is, at weight 0."""
    result = dict(wanted)
    for key, going in leaving(current, wanted).items():
        base = wanted.get(key, current[key])
        kept = {found.key: found for found in base.destinations}
        kept.update((found.key, dataclasses.replace(found, weight=0)) for found in going)
        result[key] = base.with_destinations(kept.values())
    return result


def leaving(current: Table, wanted: Table) -> dict[ServiceKey, tuple[Destination, ...]]:
    """The destinations to go whose connections can be waited for: UDP has none that ever end."""
    result = {}
    for key, live in current.items():
        staying = {found.key for found in wanted[key].destinations} if key in wanted else set()
        going = tuple(found for found in live.destinations if found.key not in staying)
        if going and key.protocol != "udp":
            result[key] = going
    return result


def only(table: Table, keys: t.Collection[ServiceKey]) -> Table:
    """The part of a table that concerns these services."""
    return {key: found for key, found in table.items() if key in keys}


def changed_keys(one: Table, other: Table) -> frozenset[ServiceKey]:
    """The services in which two tables differ."""
    return frozenset(key for key in {*one, *other} if one.get(key) != other.get(key))


def _with_live_weights(service: Service, live: Service | None) -> Service:
    weights = {found.key: found.weight for found in live.destinations} if live else {}
    return service.with_destinations(
        dataclasses.replace(found, weight=weights.get(found.key, found.weight)) for found in service.destinations
    )
