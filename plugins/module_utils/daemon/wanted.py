# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of ``daemon_config`` to what they mean."""

from __future__ import annotations

import re
import typing as t

from .app import Wanted
from .model import SCOPE, Check, DaemonProblem, File, Probe

_OTHERS = 0o007
_HIGHEST = 0o777


def wanted_of(options: t.Mapping[str, t.Any]) -> Wanted:
    """What the options ask for; raises ``DaemonProblem`` naming the option that is wrong."""
    if not SCOPE.match(options["name"]):
        raise DaemonProblem(f"name: {options['name']!r} must be of at most 40 lower-case letters, digits, - and _")
    present = options["state"] == "present"
    files: dict[str, File] = {}
    for option, secret in (("files", False), ("secret_files", True)):
        for entry in options[option] if present else []:
            if entry["path"] in files:
                raise DaemonProblem(f"{option}: {entry['path']} is there twice")
            files[entry["path"]] = _file(option, entry, secret=secret)
    if present and not files:
        raise DaemonProblem("files: none are given; state: absent takes those away that are there")
    return Wanted(
        scope=options["name"],
        unit=options["unit"],
        folders=tuple(folder.rstrip("/") for folder in options["folders"]),
        files=files,
        checks=tuple(Check(tuple(each["argv"]), _regex("checks", "refuses", each)) for each in options["checks"]),
        probes=tuple(map(_probe, options["probes"])),
        probe_timeout=options["probe_timeout"],
        backups=options["backups"],
        run=options["run"],
    )


def _file(option: str, entry: t.Mapping[str, t.Any], *, secret: bool) -> File:
    path = entry["path"]
    if not path.startswith("/") or "/../" in path:
        raise DaemonProblem(f"{option}: {path!r} must be an absolute path")
    mode = int(entry["mode"], 8) if re.fullmatch("[0-7]{3,4}", entry["mode"]) else _HIGHEST + 1
    if mode > _HIGHEST:
        raise DaemonProblem(f'{option}: mode {entry["mode"]!r} of {path} must be of octal digits, as in "0640"')
    if secret and mode & _OTHERS:
        raise DaemonProblem(f"{option}: mode {entry['mode']} would let everybody read {path}")
    flags = {flag: entry.get(flag, False) for flag in ("keep", "shared")}
    return File(entry["content"], mode, entry["owner"], entry["group"], secret, **flags)


def _probe(entry: t.Mapping[str, t.Any]) -> Probe:
    if bool(entry["address"]) == bool(entry["argv"]):
        raise DaemonProblem("probes: each needs either address or argv")
    return Probe(entry["address"], tuple(entry["argv"]), entry["send"], _regex("probes", "expects", entry))


def _regex(option: str, key: str, entry: t.Mapping[str, t.Any]) -> str:
    try:
        re.compile(entry[key])
    except re.error as error:
        raise DaemonProblem(f"{option}: {key} {entry[key]!r} is no regular expression: {error}") from error
    return str(entry[key])
