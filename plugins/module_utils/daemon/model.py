# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scope wants of a daemon's configuration, and what it remembers: pure values."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

VERSION = 1
SCOPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
GENERATION = "@generation@"
"""Stands in files and probes for the digest of all files, so that a daemon can say which configuration it runs."""


class DaemonProblem(Exception):
    """The configuration cannot be applied; the text says what is wrong and what to do. The host is as it was."""


@dataclasses.dataclass(frozen=True)
class File:
    """A text file: content, permission bits, owner and group by name.

    ``secret``: never shown. ``keep``: others write it, ``content`` is only what it begins with. ``shared``: of all scopes
    that want it, the one that runs last says what is in it.
    """

    content: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secret: bool = False
    keep: bool = False
    shared: bool = False


Files = t.Mapping[str, File]
"""Files by absolute path."""


class Check(t.NamedTuple):
    """A program that checks a configuration: it refuses by its exit code, or by output that matches ``refuses``."""

    argv: tuple[str, ...]
    refuses: str = ""


class Probe(t.NamedTuple):
    """Either ``address`` (``HOST:PORT``, ``[IPv6]:PORT`` or the path of a Unix socket) or ``argv``."""

    address: str = ""
    argv: tuple[str, ...] = ()
    send: str = ""
    expects: str = ""
    """A regular expression that must match somewhere in the answer; empty: that it connects is enough."""

    def __str__(self) -> str:
        return self.address or " ".join(self.argv)


@dataclasses.dataclass(frozen=True)
class Record:
    """What a scope laid down, and what it found: ``originals`` has for each of its paths the file before, or None.

    ``run`` names the run that laid it down; ``folders``, ``checks`` and ``probes`` are what it had to pass then.
    """

    unit: str = ""
    run: str = ""
    folders: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    probes: tuple[Probe, ...] = ()
    applied: str = ""
    """Digest of the files that the daemon is known to run with; empty while that is not known."""
    files: Files = dataclasses.field(default_factory=dict)
    originals: t.Mapping[str, File | None] = dataclasses.field(default_factory=dict)
    was_active: bool = False
    was_enabled: bool = False
    """What the unit was before the scope came. One that was enabled but did not run came with a package that was
    installed for the scope, and counts as neither."""


def digest(files: Files) -> str:
    """Twelve hexadecimal digits that name this set of files."""
    known = [(path, dataclasses.astuple(file)) for path, file in sorted(files.items())]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:12]


def with_generation(files: Files) -> tuple[dict[str, File], str]:
    """The files with ``@generation@`` filled in, and the generation."""
    generation = digest(files)
    return {
        path: dataclasses.replace(file, content=file.content.replace(GENERATION, generation))
        for path, file in files.items()
    }, generation


def record_to_json(record: Record) -> str:
    """The record as the text of its file. That file must be readable by root alone: it holds secrets."""
    return json.dumps({"version": VERSION, **dataclasses.asdict(record)}, indent=1, sort_keys=True) + "\n"


def record_from_json(text: str, path: str) -> Record:
    """Read a record back; raises ``DaemonProblem`` naming ``path`` if it is not one of ours."""
    try:
        content = json.loads(text)
        if content.pop("version") != VERSION:
            raise ValueError("another version")
        content["files"] = {name: File(**file) for name, file in content["files"].items()}
        content["originals"] = {name: file and File(**file) for name, file in content["originals"].items()}
        content["folders"] = tuple(content.get("folders", ()))
        content["checks"] = tuple(Check(tuple(argv), refuses) for argv, refuses in content.get("checks", ()))
        content["probes"] = tuple(Probe(at, tuple(argv), *rest) for at, argv, *rest in content.get("probes", ()))
        return Record(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DaemonProblem(
            f"{path} is damaged ({error}). It holds what this host was like before: repair it, or remove it to forget"
        ) from error
