# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scope wants of the kernel, and what it remembers of the host before it. Pure."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

SCOPE = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
_WORD = re.compile(r"[A-Za-z0-9_-]+\Z")
_PARAMETER = re.compile(r"[A-Za-z0-9_]+\Z")
_PART = re.compile(r"[A-Za-z0-9_.:@-]+\Z")
VERSION = 1

# The kernel arms these defences itself: after a 1 (automatic) it may show a 2 (automatic, armed).
_SELF_ARMING = {f"net/ipv4/vs/{name}" for name in ("drop_entry", "drop_packet", "secure_tcp")}
# A write here resets other values of net/ipv4/conf, so these come before everything else.
FORWARDING = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding")


class SettingsProblem(Exception):
    """What is asked for makes no sense or is not possible; the text says what, where and what to do."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that one scope wants.

    ``sysctls`` maps keys in path form (``net/ipv4/ip_forward``) to values with single blanks; ``optional`` are those
    of them that a kernel may lack. ``parameters`` maps (module, parameter) to a value.
    """

    modules: tuple[str, ...] = ()
    parameters: t.Mapping[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    sysctls: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    def beside(self, earlier: Settings) -> Settings:
        """These and those that were wanted ``earlier``; where both are about one thing, these."""
        return Settings(
            tuple(dict.fromkeys((*self.modules, *earlier.modules))),
            {**earlier.parameters, **self.parameters},
            {**earlier.sysctls, **self.sysctls},
            self.optional | (earlier.optional - self.sysctls.keys()),
        )

    def names(self) -> list[str]:
        """All that these are about: modules, parameters as MODULE.PARAMETER, and keys with slashes."""
        return [*self.modules, *(f"{module}.{name}" for module, name in self.parameters), *self.sysctls]


@dataclasses.dataclass(frozen=True)
class Record:
    """A scope's memory: what it wants, values that it found (``originals``), modules that it loaded, in that order."""

    settings: Settings = Settings()
    originals: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    loaded: tuple[str, ...] = ()


def settings_of(
    modules: t.Sequence[t.Mapping[str, t.Any]], sysctls: t.Mapping[str, object], optional: t.Mapping[str, object]
) -> Settings:
    """Check and normalise the options of the module; raises ``SettingsProblem`` with every finding, one a line."""
    problems: list[str] = []
    names: dict[str, None] = {}
    parameters: dict[tuple[str, str], str] = {}
    for entry in modules:
        name = str(entry["name"]).replace("-", "_")
        if not _WORD.match(name):
            problems.append(f"modules: {entry['name']!r} is not the name of a kernel module")
        names[name] = None
        for parameter, value in (entry.get("parameters") or {}).items():
            text = _value(value)
            if not _PARAMETER.match(str(parameter)) or text is None or '"' in text:
                problems.append(
                    f"modules: {name}: parameter {parameter!r} = {value!r} must be a name and a plain value"
                )
            elif parameters.setdefault((name, str(parameter)), text) != text:
                problems.append(f"modules: {name}: parameter {parameter} is given twice with different values")
    values: dict[str, str] = {}
    for option, given in (("sysctls", sysctls), ("optional_sysctls", optional)):
        for name, value in given.items():
            key, text = sysctl_key(name), _value(value)
            if key is None:
                problems.append(f"{option}: {name!r} is no sysctl key (net.ipv4.ip_forward or net/ipv4/ip_forward)")
            elif text is None:
                problems.append(f"{option}: {name}: {value!r} must be a number, a text of one line or a list of these")
            elif values.setdefault(key, text) != text:
                problems.append(f"{option}: {name} is given twice, with {values[key]} and {text}")
    if problems:
        raise SettingsProblem("\n".join(problems))
    keys = frozenset(key for key in map(sysctl_key, optional) if key is not None)
    return Settings(tuple(names), parameters, values, keys - {sysctl_key(name) for name in sysctls})


def sysctl_key(name: str) -> str | None:
    """The key in path form; ``None`` if it is not one. As in sysctl(8), the first separator says which form it is."""
    first = re.search(r"[./]", name)
    if first is None:
        return None
    path = name if first.group() == "/" else name.translate(str.maketrans("./", "/."))
    parts = path.split("/")
    good = all(_PART.match(part) and part not in (".", "..") for part in parts)
    return path if good and len(parts) > 1 else None


def same(key: str, running: str, wanted: str) -> bool:
    """Whether the kernel's value is the wanted one: words are compared, not blanks between them."""
    left, right = running.split(), wanted.split()
    return left == right or (key in _SELF_ARMING and left == ["2"] and right == ["1"])


def same_parameter(running: str, wanted: str) -> bool:
    """Whether a module runs with the wanted value; the kernel shows booleans as Y and N."""
    truth = {"y": "1", "n": "0"}
    left, right = running.strip().lower(), wanted.lower()
    return truth.get(left, left) == truth.get(right, right)


def in_order(keys: t.Iterable[str]) -> list[str]:
    """Keys in the order in which they must be written: forwarding, then ``all``, ``default`` and single interfaces."""

    def rank(key: str) -> tuple[int, str]:
        if key in FORWARDING:
            return FORWARDING.index(key) - len(FORWARDING), key
        parts = key.split("/")
        return (1, key) if "conf" in parts and not {"all", "default"} & set(parts) else (0, key)

    return sorted(keys, key=rank)


def record_to_json(record: Record) -> str:
    """The record as the text of its file."""
    wanted = record.settings
    modules = [
        {"name": name, "parameters": {p: v for (m, p), v in sorted(wanted.parameters.items()) if m == name}}
        for name in wanted.modules
    ]
    content = {
        "version": VERSION,
        "modules": modules,
        "sysctls": {key: wanted.sysctls[key] for key in in_order(wanted.sysctls)},
        "optional_sysctls": sorted(wanted.optional),
        "originals": dict(sorted(record.originals.items())),
        "loaded_modules": list(record.loaded),
    }
    return json.dumps(content, indent=2) + "\n"


def record_from_json(text: str, path: str) -> Record:
    """Read a record back; raises ``SettingsProblem`` naming ``path`` if it is not one of ours."""
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}")
        parameters = {(m["name"], p): v for m in content["modules"] for p, v in m["parameters"].items()}
        settings = Settings(
            tuple(m["name"] for m in content["modules"]),
            parameters,
            content["sysctls"],
            frozenset(content["optional_sysctls"]),
        )
        return Record(settings, content["originals"], tuple(content["loaded_modules"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsProblem(
            f"{path} is damaged ({error}). It holds what this host was like before: repair it, or remove it to forget"
        ) from error


def _value(value: object) -> str | None:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (list, tuple)):
        words = [_value(item) for item in value]
        return None if None in words else " ".join(word for word in words if word)
    if not isinstance(value, (int, str)) or "\n" in str(value):
        return None
    return " ".join(str(value).split())
