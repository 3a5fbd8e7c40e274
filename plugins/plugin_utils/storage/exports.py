# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an NFS server exports, and to whom."""

from __future__ import annotations

import re
import typing as t

from .mounts import folder

_CLIENT = re.compile(r"[A-Za-z0-9*?@.:/_\[\]-]+")


def storage_exports(exports: t.Sequence[t.Mapping[str, t.Any]], name: str) -> str:
    """The text of a file below /etc/exports.d. Raises ``ValueError`` where it would let in nobody, or everybody unasked."""
    lines = [f"# Written by mixed_lb.stack, role shared_storage, scope {name}. Changes made here are lost."]
    for export in exports:
        path, clients = folder(export["path"]), export["clients"]
        # a folder without clients is one for the whole world
        if not clients:
            raise ValueError(f"{path} has no clients: name addresses, networks or names of hosts, or '*' for anybody")
        words = [
            "rw" if export.get("writable", False) else "ro",
            "sync",
            "no_subtree_check",
            *export.get("options", ()),
        ]
        for client in clients:
            if not _CLIENT.fullmatch(client):
                raise ValueError(f"{path} has a client {client!r}: take an address, a network or the name of a host")
        lines.append(" ".join([path, *(f"{client}({','.join(words)})" for client in clients)]))
    return "\n".join(lines) + "\n"


def storage_probes(exports: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What shows that the server answers and exports every folder: its reload says nothing of one that is refused."""
    listed = [
        {"argv": ["exportfs", "-s"], "expects": rf"(?m)^{re.escape(folder(export['path']))}\s"} for export in exports
    ]
    return [{"address": "127.0.0.1:2049"}, *listed]
