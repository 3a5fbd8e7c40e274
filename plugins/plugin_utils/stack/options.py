# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options as dataclass fields: a dataclass is the schema, ``read`` fills it from plain data and says all that is wrong.

A parser takes one value and returns what the field holds, or raises ``Invalid`` with words that follow the name.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import difflib
import ipaddress
import re
import typing as t

from .addresses import Address, Interface

T = t.TypeVar("T")
E = t.TypeVar("E")


class Invalid(ValueError):
    """A value that an option does not take; ``usable`` is what of it can stand in, so that checking can go on."""

    def __init__(self, message: str, usable: object = None) -> None:
        super().__init__(message)
        self.usable = usable


def option(parse: t.Callable[[object], t.Any], default: t.Any = dataclasses.MISSING) -> t.Any:
    """A dataclass field that ``read`` fills through ``parse``; without ``default`` it is required."""
    # pylint: disable-next=invalid-field-call  # its place is a dataclass, by way of this function
    return dataclasses.field(default=default, metadata={"parse": parse})


def read(cls: type[T], raw: object, prefix: str = "", also: t.Iterable[str] = ()) -> tuple[T | None, list[str]]:
    """An instance of the dataclass ``cls`` out of the mapping ``raw``, and every problem, one line each.

    A bad value falls back on the option's default, so that the checks after it can go on; ``None`` where a required one
    is missing or bad. ``prefix`` is what the names start with in the user's data, ``also`` are names read elsewhere.
    """
    if not isinstance(raw, c.Mapping):
        return None, [f"must be a mapping of options, not {shown(raw)}"]
    fields = {prefix + f.name: f for f in dataclasses.fields(cls) if "parse" in f.metadata}  # type: ignore[arg-type]
    known = [*fields, *also]
    problems = [f"unknown option {key!r}{did_you_mean(str(key), known)}" for key in raw if key not in known]
    values: dict[str, t.Any] = {}
    usable = True
    for key, field in fields.items():
        required = field.default is dataclasses.MISSING
        if raw.get(key) is None:
            if required:
                problems.append(f"{key} is missing")
                usable = False
            continue
        try:
            values[field.name] = field.metadata["parse"](raw[key])
        except Invalid as problem:
            problems.append(f"{key} {problem}")
            if problem.usable:
                values[field.name] = problem.usable
            usable = usable and (not required or bool(problem.usable))
    return (cls(**values) if usable else None), problems


def read_with_entries(
    cls: type[T], entry: type[E], raw: c.Mapping[str, object], name: str
) -> tuple[T | None, tuple[E, ...], list[str]]:
    """Like ``read``, for a class with a list of entries under ``name``: the entries apart, and all problems.

    Options of an entry may stand beside the list: they hold for all entries, or are the only one where there is no list.
    """
    keys = option_names(entry)
    shared = {key: value for key, value in raw.items() if key in keys}
    own = {key: value for key, value in raw.items() if key not in keys and key != name}
    whole, problems = read(cls, own, also=(*keys, name))
    given = raw.get(name)
    if given is None:
        single, found = read(entry, shared)
        return whole, (single,) if single else (), [*problems, *found]
    if not isinstance(given, list) or not given:
        return None, (), [*problems, f"{name} must be a non-empty list of mappings"]
    # what is wrong with a shared option is said once
    _none, said = read(entry, shared)
    said = [one for one in said if not one.endswith(" is missing")]
    entries = []
    problems += said
    for number_, each in enumerate(given):
        one, found = read(entry, {**shared, **each} if isinstance(each, dict) else each)
        entries += [one] if one else []
        problems += [f"{name}[{number_}]: {text_}" for text_ in found if text_ not in said]
    return whole, tuple(entries), problems


def option_names(cls: type) -> tuple[str, ...]:
    """The names of the options of a dataclass."""
    return tuple(field.name for field in dataclasses.fields(cls) if "parse" in field.metadata)


def did_you_mean(word: str, known: t.Iterable[str]) -> str:
    """``; did you mean 'x'?`` where one known word is near, else those that are known, as far as they fit in a line."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    return (
        f"; did you mean {near[0]!r}?"
        if near
        else f"; known are {', '.join(known[:20])}{', ...'[: 5 * (len(known) > 20)]}"
    )


def shown(value: object) -> str:
    """A value as it is quoted in a message."""
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:57]}..."


def text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Invalid(f"must be a non-empty string, not {shown(value)}")
    return value


def name_text(value: object) -> str:
    """A name that file and unit names on the hosts can carry."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", value):
        raise Invalid(f"must be 1 to 32 of a-z, 0-9, '_' and '-', beginning with a letter, not {shown(value)}")
    return value


def boolean(value: object) -> bool:
    words = {"true": True, "yes": True, "false": False, "no": False}
    found = value if isinstance(value, bool) else words.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise Invalid(f"must be true or false, not {shown(value)}")
    return found


def integer(low: int, high: int) -> t.Callable[[object], int]:
    def parse(value: object) -> int:
        # an INI inventory and a template of older Ansible give the digits as a string
        number = int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value) else value
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise Invalid(f"must be a whole number from {low} to {high}, not {shown(value)}")
        return number

    return parse


def number(low: float, high: float) -> t.Callable[[object], float]:
    def parse(value: object) -> float:
        found = float(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value) else value
        if isinstance(found, bool) or not isinstance(found, (int, float)) or not low <= found <= high:
            raise Invalid(f"must be a number from {low:g} to {high:g}, not {shown(value)}")
        return float(found)

    return parse


def choice(*words: str) -> t.Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in words:
            raise Invalid(f"cannot be {shown(value)}{did_you_mean(str(value), words)}")
        return str(value)

    return parse


def listed(parse: t.Callable[[object], T]) -> t.Callable[[object], tuple[T, ...]]:
    """One value or a list of them, none of them twice."""

    def parse_all(value: object) -> tuple[T, ...]:
        items: list[T] = []  # a mapping among them is no key of a dict
        problems = []
        for entry in value if isinstance(value, (list, tuple)) else [value]:
            try:
                item = parse(entry)
            except Invalid as problem:
                problems.append(str(problem))
                continue
            if item in items:
                problems.append(f"names {item} twice")
                continue
            items.append(item)
        if problems:
            raise Invalid("; ".join(problems), usable=tuple(items))
        return tuple(items)

    return parse_all


def some(parse: t.Callable[[object], T]) -> t.Callable[[object], tuple[T, ...]]:
    """Like ``listed``, but at least one."""

    def parse_all(value: object) -> tuple[T, ...]:
        items = listed(parse)(value)
        if not items:
            raise Invalid("must not be empty")
        return items

    return parse_all


def nested(cls: type[T]) -> t.Callable[[object], T]:
    """A mapping that fills a dataclass of its own."""

    def parse(value: object) -> T:
        found, problems = read(cls, value)
        if found is None or problems:
            raise Invalid("is wrong: " + "; ".join(problems))
        return found

    return parse


def mapping(value: object) -> t.Mapping[str, t.Any]:
    """Options that somebody else reads, as they are."""
    if not isinstance(value, c.Mapping) or not all(isinstance(key, str) for key in value):
        raise Invalid(f"must be a mapping of options, not {shown(value)}")
    return dict(value)


def settings(value: object) -> tuple[tuple[str, str | int], ...]:
    """Names and values, as sysctls are written."""
    if not isinstance(value, c.Mapping) or not all(isinstance(v, (str, int)) for v in value.values()):
        raise Invalid(f"must be a mapping of names to values, not {shown(value)}")
    return tuple((str(key), int(v) if isinstance(v, bool) else v) for key, v in value.items())


def address(value: object) -> Address:
    """A bare unicast address: no prefix length, no zone."""
    try:
        found = ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        hint = ": leave out the prefix length" if isinstance(value, str) and "/" in value else ""
        raise Invalid(f"must be an IPv4 or IPv6 address, not {shown(value)}{hint}") from None
    if found.is_multicast or found.is_unspecified or found.is_loopback or getattr(found, "scope_id", None):
        raise Invalid(f"must be an address that other hosts can reach, not {shown(value)}")
    return found


def cidr(value: object) -> Interface:
    """An address with its network, ``10.20.0.11/24``."""
    if not isinstance(value, str) or "/" not in value:
        raise Invalid(f"must be addresses with their prefix length, as 10.20.0.11/24, not {shown(value)}")
    address(value.split("/", maxsplit=1)[0])
    try:
        found = ipaddress.ip_interface(value)
    except ValueError:
        raise Invalid(f"has no valid prefix length in {shown(value)}") from None
    reserved = {found.network.network_address, found.network.broadcast_address} if found.version == 4 else set()
    if found.network.prefixlen < found.max_prefixlen - 1 and found.ip in reserved:
        raise Invalid(f"must be a host's address, but {shown(value)} is the network's own or its broadcast address")
    return found
