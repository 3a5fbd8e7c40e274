# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, words and times as nginx reads them."""

from __future__ import annotations

import re
import typing as t

from ..blocks import Block, Raw, wanted

Options = t.Mapping[str, t.Any]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_VARIABLE = re.compile(r"[A-Za-z0-9_]+\Z")
_COOKIE = re.compile(r"[A-Za-z0-9_.-]+\Z")
_NO_WORD = re.compile(r"[\s;{}\"']")


class Context(t.NamedTuple):
    """What holds for a whole scope."""

    options: Options
    """The variables of the role without ``nginx_lb_``."""
    version: tuple[int, ...]

    @property
    def scope(self) -> str:
        return str(self.options["name"])

    def label(self, *names: str) -> str:
        """A name that no other scope has, for upstreams, zones and variables."""
        return "_".join([self.scope, *names]).replace("-", "_")


def named(entries: t.Iterable[Options] | None, what: str) -> list[Options]:
    """The wanted entries; each needs a name of its own, also once ``-`` has become ``_``."""
    found = wanted(entries)
    seen: set[str] = set()
    for entry in found:
        name = str(entry.get("name") or "")
        if not NAME.match(name):
            raise ValueError(f"{what}: the name {name!r} must be of at most 40 lower-case letters, digits, - and _")
        label = name.replace("-", "_")
        if label in seen:
            raise ValueError(f"{what}: {name} is there twice; give one of them another name")
        seen.add(label)
    return found


def word(value: t.Any, where: str) -> str:
    """A value that nginx shall read as one word."""
    text = str(value)
    if not text or _NO_WORD.search(text):
        raise ValueError(f"{where}: {text!r} must be one word without quotes, semicolons and braces")
    return text


def quoted(value: t.Any) -> str:
    """Any text as one word, a regular expression too. Variables in it stay variables."""
    text = str(value)
    if "\n" in text:
        raise ValueError(f"{text!r} must be one line")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def variable(prefix: str, name: t.Any, where: str) -> str:
    """The variable that nginx names after something of the request."""
    if not _VARIABLE.match(str(name)):
        raise ValueError(f"{where}: nginx has no variable for the name {name!r}, only for letters, digits and _")
    return f"${prefix}_{name}"


def cookie(name: t.Any, label: str, where: str) -> tuple[list[Block], str]:
    """The variable that has a cookie, after the map that it needs: the name of nginx's own ends at a dash or dot."""
    if not _COOKIE.match(str(name)):
        raise ValueError(f"{where}: the name of the cookie {name!r} may have letters, digits and _ . - only")
    if _VARIABLE.match(str(name)):
        return [], variable("cookie", name, where)
    found = quoted(rf"~(?:^|;\s*){re.escape(str(name))}=([^;]*)")
    return [Block(f"map $http_cookie ${label}", ['default ""', f"{found} $1"])], f"${label}"


def time(value: t.Any) -> str:
    """Seconds as nginx writes them; a text such as ``1h`` is taken as it is."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9.]+", value):
        return word(value, "a time")
    number = float(value)
    return f"{number:.0f}s" if number == int(number) else f"{number * 1000:.0f}ms"


def switch(value: t.Any) -> str:
    """``on`` or ``off``."""
    return "on" if value else "off"


def endpoint(address: t.Any, port: t.Any, where: str) -> str:
    """Address and port as one word; ``unix:`` paths and addresses that carry their port need none."""
    text = word(address, where)
    if text.startswith("unix:"):
        return text
    if ":" in text and text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    if re.search(r"(?:^[^:\[\]]+|\]):[0-9]+$", text):
        return text
    if not port:
        raise ValueError(f"{where}: {text} has no port")
    return f"{text}:{port}"


def raw(options: Options, name: str = "lines") -> list[str]:
    """Lines that the user wrote, as nginx reads them."""
    return [Raw(line) for line in options.get(name) or ()]
