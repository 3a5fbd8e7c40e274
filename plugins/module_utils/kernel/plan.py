# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what is there to the steps between them. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from .model import Record, Settings, SettingsProblem, in_order, same, same_parameter

_ON_DEMAND = ("ip_vs_", "xt_")
_FTP = "ip_vs_ftp"


class Write(t.NamedTuple):
    """One running value to set; ``before`` is ``None`` when the key appears only with a module not loaded yet."""

    key: str
    before: str | None
    after: str


class ReloadNeeded(t.NamedTuple):
    """A module parameter that holds another value until the module is loaded anew."""

    module: str
    parameter: str
    running: str
    wanted: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """Values to set, in order, and the record that the scope keeps afterwards (``None``: nothing to remember)."""

    writes: tuple[Write, ...]
    record: Record | None


def check_scopes(scope: str, wanted: Settings, others: t.Mapping[str, Record]) -> None:
    """Two scopes must not want different values of one thing; raises ``SettingsProblem`` naming both."""
    problems = []
    for name, other in sorted(others.items()):
        for key, value in wanted.sysctls.items():
            theirs = other.settings.sysctls.get(key, value)
            if theirs.split() != value.split():
                problems.append(f"sysctl {key}: scope {scope} wants {value}, scope {name} wants {theirs}")
        for (module, parameter), value in wanted.parameters.items():
            theirs = other.settings.parameters.get((module, parameter), value)
            if not same_parameter(theirs, value):
                problems.append(
                    f"parameter {parameter} of {module}: scope {scope} wants {value}, scope {name} {theirs}"
                )
    if problems:
        raise SettingsProblem("\n".join([*problems, "Give both the same value, or make one of the scopes absent."]))


def to_load(wanted: Settings, present: t.Callable[[str], bool]) -> list[str]:
    """Modules that are wanted and not there."""
    return [module for module in wanted.modules if not present(module)]


def to_unload(
    wanted: Settings, record: Record, others: t.Mapping[str, Record], users: t.Mapping[str, t.Sequence[str]]
) -> list[str]:
    """Modules that the scope loaded and none wants any more, in an order in which they can go.

    ``users`` has every module in memory with the modules that use it. A scheduler or a match of the packet filter among
    these came later, on demand, so it goes first: it cannot while a service or rule needs it. Anything else that uses
    a module keeps it: a table of the packet filter, for one, would go with the rules in it.
    """
    kept = _kept(wanted, others)
    going = [m for m in record.loaded if m in users and _may_go(m, wanted) and not _serves(m, kept, users)]
    for module in going:
        going += [user for user in users[module] if user.startswith(_ON_DEMAND) and user not in going]
    order: list[str] = []
    while free := [module for module in going if module not in order and set(users[module]) <= set(order)]:
        order += free
    return order


def held(
    wanted: Settings, record: Record, others: t.Mapping[str, Record], users: t.Mapping[str, t.Sequence[str]]
) -> dict[str, list[str]]:
    """Modules that nobody wants any more but that modules of no scope's wish keep, with those."""
    kept, going = _kept(wanted, others), to_unload(wanted, record, others, users)
    ours = [m for m in record.settings.modules if m in record.loaded and m in users and _may_go(m, wanted)]
    left = [m for m in ours if m not in going]
    return {m: [by for by in users[m] if by not in going] for m in left if not _serves(m, kept, users)}


def _may_go(module: str, wanted: Settings) -> bool:
    """A scheduler or persistence engine that is wanted no more is in use until the table has changed, which is later.

    So it stays, idle like any that the kernel has loaded for a service, until the scope goes, or ``ip_vs``.
    """
    return not wanted.modules or not module.startswith("ip_vs_") or module == _FTP


def _kept(wanted: Settings, others: t.Mapping[str, Record]) -> set[str]:
    return {*wanted.modules, *(module for other in others.values() for module in other.settings.modules)}


def _serves(module: str, kept: t.Container[str], users: t.Mapping[str, t.Sequence[str]]) -> bool:
    """Whether the module is one of ``kept`` or used, over others or not, by one of them."""
    return module in kept or any(_serves(user, kept, users) for user in users.get(module, ()))


def plan_values(
    wanted: Settings,
    record: Record,
    others: t.Mapping[str, Record],
    running: t.Mapping[str, str | None],
    *,
    users: t.Mapping[str, t.Sequence[str]],
    loaded: t.Sequence[str] = (),
    unloaded: t.Sequence[str] = (),
    modules_missing: bool = False,
) -> Plan:
    """What to set, and what to remember.

    ``running`` has every key of ``wanted`` and of ``record`` (``None``: not there); ``users`` is as for
    ``to_unload``; ``loaded`` and ``unloaded`` are the modules that this call loads and unloads; with
    ``modules_missing`` (check mode) a key that is not there yet is predicted instead of refused.
    """
    writes: dict[str, Write] = {}
    originals: dict[str, str] = {}
    unknown = []
    for key, value in wanted.sysctls.items():
        now = running[key]
        if now is None:
            if key in record.originals:  # its interface or module is away for now
                originals[key] = record.originals[key]
            if modules_missing:
                writes[key] = Write(key, None, value)
            elif key not in wanted.optional:
                unknown.append(key)
            continue
        originals[key] = _original(key, record, others, now)
        if not same(key, now, value):
            writes[key] = Write(key, now, value)
    if unknown:
        raise SettingsProblem(_unknown(unknown))
    for key, original in record.originals.items():
        now = running[key]
        claimed = any(key in other.settings.sysctls for other in others.values())
        if key not in wanted.sysctls and not claimed and now is not None and now.split() != original.split():
            writes[key] = Write(key, now, original)
    # What another scope loaded and we need is remembered too: that scope may go before us.
    shared = [m for other in others.values() for m in other.loaded if _serves(m, wanted.modules, users)]
    known = dict.fromkeys([*record.loaded, *shared, *loaded])
    memory = [module for module in known if module in users and module not in unloaded] if wanted.modules else []
    nothing = not (wanted.modules or wanted.parameters or wanted.sysctls)
    return Plan(
        tuple(writes[key] for key in in_order(writes)), None if nothing else Record(wanted, originals, tuple(memory))
    )


def _original(key: str, record: Record, others: t.Mapping[str, Record], now: str) -> str:
    """The value from before any scope: the oldest memory of it, else what runs now."""
    for memory in (record, *others.values()):
        if key in memory.originals:
            return memory.originals[key]
    return now


def _unknown(keys: t.Sequence[str]) -> str:
    named = ", ".join(in_order(keys))
    return (
        f"this kernel has no sysctl {named}: check the spelling, list the kernel module that brings it under modules"
        " (an interface must exist first), or put it under optional_sysctls if some kernels lack it"
    )
