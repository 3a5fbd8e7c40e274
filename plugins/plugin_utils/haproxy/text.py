# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words, lines and sections, as HAProxy reads them."""

from __future__ import annotations

import re
import typing as t

from ..blocks import wanted

Options = t.Mapping[str, t.Any]

NAME = re.compile(r"[A-Za-z0-9_.:-]+\Z")
_DURATION = re.compile(r"[0-9]+(us|ms|s|m|h|d)\Z")
_PLAIN = re.compile(r"[^\s\"'\\#$]+\Z")
TIMEOUTS = {
    "connect": "connect",
    "client": "client",
    "server": "server",
    "http_request": "http-request",
    "http_keep_alive": "http-keep-alive",
    "queue": "queue",
    "check": "check",
    "tunnel": "tunnel",
    "client_fin": "client-fin",
    "server_fin": "server-fin",
    "tarpit": "tarpit",
}
PHASES = {
    "connection": "tcp-request connection",
    "session": "tcp-request session",
    "tcp_request": "tcp-request content",
    "tcp_response": "tcp-response content",
    "request": "http-request",
    "response": "http-response",
    "after_response": "http-after-response",
}
HTTP_PHASES = ("request", "response", "after_response")


class Section(t.NamedTuple):
    """A section: its first line, and the lines below it."""

    head: str
    body: t.Sequence[str]


def render(items: t.Iterable[Section | str]) -> str:
    """The text of sections and lines. Raises ``ValueError`` for a line that would be more than one."""
    lines: list[str] = []
    for item in items:
        if isinstance(item, Section):
            lines += ["", item.head, *(f"    {line}".rstrip() for line in item.body)]
        else:
            lines.append(item)
    broken = [line for line in lines if "\n" in line or "\r" in line]
    if broken:
        raise ValueError(f"{broken[0]!r} holds a line break: give each line as an entry of its own")
    return "\n".join(lines) + "\n"


def quote(value: object) -> str:
    """One word that stands for exactly this text, in quotes where it has to be."""
    text = str(value)
    if _PLAIN.match(text):
        return text
    text = re.sub(r'([\\"$])', r"\\\1", text)
    for character, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, escape)
    return f'"{text}"'


def duration(where: str, value: object) -> str:
    """A time with its unit. A bare number would mean milliseconds, which nobody expects."""
    text = str(value)
    if not _DURATION.match(text):
        raise ValueError(f"{where}: {text!r} must be a number with its unit, as in 500ms, 2s or 1h")
    return text


def name(where: str, value: object) -> str:
    """A name that HAProxy takes."""
    text = str(value)
    if not NAME.match(text):
        raise ValueError(f"{where}: {text!r} may have letters, digits and _ . : - only")
    return text


def given(value: object) -> bool:
    """Whether an option has been given; 0 and false have been."""
    return value not in (None, "", [], {})


def words(options: Options, keys: t.Mapping[str, str]) -> list[str]:
    """``word value`` for each option that is given, in the order of ``keys``, which maps options to words."""
    return [f"{word} {quote(options[key])}" for key, word in keys.items() if given(options.get(key))]


def times(where: str, options: Options, keys: t.Mapping[str, str]) -> list[str]:
    """As ``words``, of times."""
    return [
        f"{word} {duration(f'{where}: {key}', options[key])}" for key, word in keys.items() if given(options.get(key))
    ]


def timeouts(where: str, options: Options | None) -> list[str]:
    """The lines ``timeout WHAT TIME``."""
    return [f"timeout {line}" for line in times(f"{where}: timeouts", options or {}, TIMEOUTS)]


def switch(options: Options, key: str, line: str) -> list[str]:
    """A line that is there, or there as ``no LINE``, or, where the option is not given, not at all."""
    value = options.get(key)
    return [] if value is None else [line if value else f"no {line}"]


def condition(entry: Options) -> str:
    """`` if CONDITION`` or `` unless CONDITION`` or nothing."""
    return "".join(f" {word} {entry[word]}" for word in ("if", "unless") if given(entry.get(word)))


def acls(it: Options) -> list[str]:
    """Named conditions. Tests under one name are alternatives."""
    return [f"acl {name('acls', each['name'])} {each['test']}" for each in wanted(it.get("acls"))]


def rules(where: str, it: Options, *, http: bool) -> list[str]:
    """Rules of the HTTP phases, or those of the others, in the order that the user gave."""
    lines = []
    for each in wanted(it.get("rules")):
        if (each["phase"] in HTTP_PHASES) != http:
            continue
        if each["phase"] in HTTP_PHASES and mode(it) != "http":
            raise ValueError(f"{where}: a rule of phase {each['phase']} needs mode http")
        lines.append(f"{PHASES[each['phase']]} {each['action']}{condition(each)}")
    return lines


def mode(it: Options) -> str:
    """``http`` where nothing is said."""
    return str(it.get("mode") or "http")


def unique(where: str, entries: t.Sequence[Options], key: str = "name") -> None:
    """Raises ``ValueError`` where two entries have one name."""
    names = [str(each[key]) for each in entries]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise ValueError(f"{where}: {', '.join(twice)} is there more than once")
