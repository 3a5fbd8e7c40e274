# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy says over its socket. Pure."""

from __future__ import annotations

import csv
import typing as t

from .model import HaproxyProblem, Load, Server

# Bits of srv_admin_state. "Disabled in the configuration" (4) comes with "forced" (1), and alone means nothing.
_MAINT = 0x01 | 0x02 | 0x20
_DRAIN = 0x08 | 0x10
_STOPPED = 0
_VERSION = "1"
_DONE = ("", "New server registered.", "Server deleted.")


def refusal(answer: str) -> str | None:
    """HAProxy's words where a command has failed, or None."""
    said = answer.strip()
    return None if said in _DONE else said


def servers(answer: str) -> list[Server]:
    """The answer to ``show servers state``; raises ``HaproxyProblem`` for anything else."""
    lines = answer.strip().splitlines()
    if len(lines) < 2 or lines[0] != _VERSION or not lines[1].startswith("# "):
        raise HaproxyProblem(f"this is not the state of servers: {answer.strip()[:200]!r}")
    names = lines[1].removeprefix("# ").split()
    found = []
    for line in lines[2:]:
        fields = dict(zip(names, line.split(), strict=False))
        try:
            found.append(_server(fields))
        except (KeyError, ValueError) as error:
            raise HaproxyProblem(f"this line is not the state of a server ({error}): {line!r}") from error
    return found


def _server(fields: t.Mapping[str, str]) -> Server:
    admin = int(fields["srv_admin_state"])
    return Server(
        backend=fields["be_name"],
        name=fields["srv_name"],
        address=fields["srv_fqdn"] if fields["srv_fqdn"] != "-" else fields["srv_addr"],
        port=int(fields["srv_port"]),
        state="maint" if admin & _MAINT else "drain" if admin & _DRAIN else "ready",
        weight=int(fields["srv_uweight"]),
        up=int(fields["srv_op_state"]) != _STOPPED,
        backend_id=fields["be_id"],
        server_id=fields["srv_id"],
    )


def statistics(answer: str) -> list[dict[str, str]]:
    """The answer to ``show stat``: a dict a line; raises ``HaproxyProblem`` for anything else."""
    if not answer.startswith("# pxname,"):
        raise HaproxyProblem(f"these are no statistics: {answer.strip()[:200]!r}")
    return [
        {key: value for key, value in row.items() if key and value}
        for row in csv.DictReader(answer.strip().removeprefix("# ").splitlines())
    ]


def load(row: t.Mapping[str, str]) -> Load:
    """What goes on at a server, from its line of statistics."""
    return Load(int(row.get("scur", 0)), int(row.get("qcur", 0)))


def fields(answer: str) -> dict[str, str]:
    """The answer to ``show info``: lines ``NAME: VALUE``."""
    return {key: value.strip() for key, colon, value in (line.partition(":") for line in answer.splitlines()) if colon}


def generations(answer: str) -> dict[str, str]:
    """The answer to ``show env``: the generation of each scope's configuration, by the scope's name with ``_`` for ``-``."""
    pairs = (line.partition("=")[::2] for line in answer.splitlines())
    return {key.removeprefix("MIXED_LB_"): value for key, value in pairs if key.startswith("MIXED_LB_")}
