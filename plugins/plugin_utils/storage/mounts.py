# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that mount a file system at its first use, and give up on one that does not answer."""

from __future__ import annotations

import re
import typing as t

NFS = ("nfs", "nfs4")
OF_NFS = ("nosuid", "nodev", "softerr", "timeo=20", "retrans=2", "retry=0")
"""A request without an answer ends with an error in the end (an open file is many requests), a mount at its first failure."""
OF_OTHERS = ("nosuid", "nodev", "_netdev")
TIMEOUT = 15
"""Seconds that whoever opens a path waits for the mount at most."""
UNITS = "/etc/systemd/system"


def folder(path: str) -> str:
    """A path that exports, units and shells read alike. Raises ``ValueError`` for any other."""
    if not re.fullmatch(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+", path):
        raise ValueError(f"{path!r} is no plain absolute path: take letters, digits, '.', '_' and '-' between slashes")
    return path


def storage_automount(path: str) -> str:
    """The name of the automount unit of a mount point, as systemd spells it."""
    return f"{_escaped(path)}.automount"


def storage_mount_files(options: t.Mapping[str, t.Any]) -> list[dict[str, str]]:
    """Both units as files. ``options`` are the variables of the entry point ``client``, named without their prefix."""
    path, source = folder(options["path"]), options["source"]
    for word in (source, options["type"], *options["options"]):
        if not re.fullmatch(r"[^\s\"'\\]+", word):
            raise ValueError(f"{word!r}: a mount takes no spaces, quotes and backslashes")
    usual = OF_NFS if options["type"] in NFS else OF_OTHERS
    words = ["rw" if options["writable"] else "ro", *(options["options"] or usual)]
    head = f"# Written by mixed_lb.stack, role shared_storage, scope {options['name']}. Changes made here are lost."
    mount = [
        head,
        "[Unit]",
        f"Description=Shared storage {options['name']}",
        "Wants=network-online.target",
        "After=network-online.target",
        # Each request for a path tries again: with a limit, systemd would never mount it once the storage is back.
        "StartLimitIntervalSec=0",
        "",
        "[Mount]",
        f"What={_unit_text(source)}",
        f"Where={path}",
        f"Type={options['type']}",
        f"Options={_unit_text(','.join(words))}",
        f"TimeoutSec={TIMEOUT}",
        # A dead server holds up neither a shutdown nor a change.
        "ForceUnmount=yes",
        "LazyUnmount=yes",
    ]
    automount = [
        head,
        "[Unit]",
        f"Description=Shared storage {options['name']}, at its first use",
        "StartLimitIntervalSec=0",
        "",
        "[Automount]",
        f"Where={path}",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    made = {f"{_escaped(path)}.mount": mount, storage_automount(path): automount}
    return [{"path": f"{UNITS}/{name}", "content": "\n".join(lines) + "\n"} for name, lines in made.items()]


def _escaped(path: str) -> str:
    return folder(path).strip("/").replace("-", r"\x2d").replace("/", "-")


def _unit_text(text: str) -> str:
    return text.replace("%", "%%")
