# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted, remembered and there to the steps between them. Pure.

Everything is added before anything is removed; a step changes one thing and knows how to take itself back.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .checks import check
from .filters import chain_of, restore_text, same_rules
from .model import Address, Item, Key, Live, Port, Record, Route, Rule, Tunnel, Wanted
from .words import add, change, delete, replace

_ORDER: tuple[type[Item], ...] = (Port, Tunnel, Address, Route, Rule)


@dataclasses.dataclass(frozen=True)
class Step:
    """One program to run, with what it reads; ``undo`` takes it back (``None``: nothing to take back)."""

    argv: tuple[str, ...]
    stdin: str | None = None
    undo: Step | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """``after`` is every item on the host once all steps are done; ``arrived`` are addresses to announce."""

    steps: tuple[Step, ...]
    found: t.Mapping[Key, Item]
    after: t.Mapping[Key, Item]
    arrived: tuple[Address, ...]


def plan(scope: str, wanted: Wanted, record: Record, others: t.Mapping[str, Record], live: Live) -> Plan:
    """Raises ``NetworkProblem`` with all findings, before anything is changed."""
    check(scope, wanted, record, others, live)
    target = {item.key: item for item in wanted.items}
    found = {key: item for key in target if (item := _found(key, record, others, live)) is not None}
    after = dict(live.items)
    ordered = [item for kind in _ORDER for item in wanted.of(kind)]
    added: list[Step] = []
    for old in _in_the_way(ordered, record, live, after):
        after.pop(old.key, None)
        added += _remove(old, live, after)
    if any(isinstance(item, Port) and item.key not in after for item in ordered):
        added.append(Step(("modprobe", "fou")))
    for item in ordered:
        added += _bring(item, after.get(item.key), live)
        after[item.key] = _resolved(item, after.get(item.key))
    removed: list[Step] = []
    for item in sorted(record.wanted.items, key=lambda item: _ORDER.index(type(item)), reverse=True):
        if item.key in target or any(item.key in other.items for other in others.values()):
            continue
        now, before = after.pop(item.key, None), record.found.get(item.key)
        if before is not None and (now is not None or not meets(before, item)):
            removed += _put_back(before, now, live)
            after[item.key] = before
        elif now is not None:
            removed += _remove(now, live, after)
    put, taken = _filter_steps(scope, wanted, record, live)
    arrived = tuple(item for item in wanted.of(Address) if item.key not in live.items)
    # Marks come before the VIPs and go after them: what arrives unmarked is refused.
    return Plan((*put, *added, *removed, *taken), found, after, arrived)


def _found(key: Key, record: Record, others: t.Mapping[str, Record], live: Live) -> Item | None:
    """What was there before any scope: as this scope remembers it, else as another one does, else what is there."""
    if key in record.items:
        return record.found.get(key)
    for other in others.values():
        if key in other.items:
            return other.found.get(key)
    return live.items.get(key)


def _bring(item: Item, now: Item | None, live: Live) -> list[Step]:
    """Steps that make one item true."""
    if now is None:
        if isinstance(item, Tunnel):
            first, *more = [tuple(words) for words in (add(item), *change(None, item))]
            return [_single(first, undo=delete(item)), *(Step(words) for words in more)]
        return [_single(add(item), undo=delete(item))]
    if isinstance(item, Tunnel) and isinstance(now, Tunnel):
        item = dataclasses.replace(item, mtu=item.mtu or now.mtu)
        back = change(item, now)
        return [_single(words, undo=back[at]) for at, words in enumerate(change(now, item))]
    if meets(now, item):
        return []
    if isinstance(item, Route) and any(route.key == item.key and route.meets(item) for route in live.shadowed):
        return [_taken(now)]
    return [_single(replace(item), undo=replace(now))]


def meets(now: Item, item: Item) -> bool:
    """Whether what is there (of the same key) is what is wanted."""
    if isinstance(item, (Tunnel, Route)):
        return now.meets(item)  # type: ignore[union-attr, arg-type]  # one key, one type
    return now == item


def _resolved(item: Item, now: Item | None) -> Item:
    """The item as the kernel will show it, as far as that is known."""
    return now if now is not None and meets(now, item) else item


def _put_back(before: Item, now: Item | None, live: Live) -> list[Step]:
    """Steps that make an item what it was before the scope came."""
    if before == now:
        return []
    if now is None:
        return [_single(add(before), undo=delete(before))]
    if before in live.shadowed:  # the network manager has set it again, behind ours: the kernel refuses a second one
        return [_taken(now)]
    return [_single(replace(before), undo=replace(now))]


def _remove(item: Item, live: Live, after: t.Mapping[Key, Item]) -> list[Step]:
    """``after``: what stays beside it."""
    steps = [_taken(item)]
    if isinstance(item, Address) and item not in live.secondaries:
        # With its primary address the kernel drops the others of its network, unless promote_secondaries is set.
        others = [other for other in live.secondaries if other.key in after and _same_network(item, other)]
        steps += [Step(tuple(replace(other))) for other in others]
    return steps


def _taken(item: Item) -> Step:
    return _single(delete(item), undo=add(item))


def _same_network(left: Address, right: Address) -> bool:
    return left.interface == right.interface and left.network == right.network and left != right


def _in_the_way(ordered: list[Item], record: Record, live: Live, after: t.Mapping[Key, Item]) -> list[Item]:
    """Items of our own that must go first: what the kernel allows only once, with other properties than wanted."""
    found: list[Item] = []
    for item in ordered:
        now = after.get(item.key)
        if isinstance(item, Tunnel) and isinstance(now, Tunnel) and now.kind != item.kind:
            found.append(now)
            # with the device goes what stands on it
            found += [other for other in after.values() if getattr(other, "interface", None) == item.name]
        elif isinstance(item, Address) and now is None and item.ip.version == 6:
            found += [
                other
                for other in live.items.values()
                if isinstance(other, Address) and other.key in record.items
                if (other.ip, other.interface) == (item.ip, item.interface)
            ]
    return sorted(found, key=lambda item: _ORDER.index(type(item)), reverse=True)


def _filter_steps(scope: str, wanted: Wanted, record: Record, live: Live) -> tuple[list[Step], list[Step]]:
    chain = chain_of(scope)
    put, taken = [], []
    for family, table in sorted({*wanted.filters, *record.wanted.filters}):
        rules, jumps = live.chains.get((family, table), (None, False))
        target = wanted.filters.get((family, table))
        restore = (f"{live.tools[family]}-restore", "-w", "--noflush")
        back = restore_text(table, chain, rules, jump=False) if rules is not None else None
        if target is not None and not (jumps and same_rules(rules, target)):
            undo = back or restore_text(table, chain, None, jump=True)
            put.append(Step(restore, restore_text(table, chain, target, jump=not jumps), Step(restore, undo)))
        elif target is None and rules is not None:
            again = restore_text(table, chain, rules, jump=jumps)
            taken.append(Step(restore, restore_text(table, chain, None, jump=jumps), Step(restore, again)))
    return put, taken


def _single(words: t.Sequence[str], *, undo: t.Sequence[str]) -> Step:
    return Step(tuple(words), undo=Step(tuple(undo)))
