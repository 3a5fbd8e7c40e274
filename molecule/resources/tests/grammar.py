# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that the collection makes of data, read by the daemons themselves: on hosts of both releases, beside what runs there."""

from __future__ import annotations

import base64
import io
import shlex
import sys
import tarfile
import typing as t

import yaml
from frame import PROJECT

from lab.cluster import Lab

sys.path.append(str(PROJECT / ".ansible" / "collections"))

PLACE = "/run/grammar"


def defaults(role: str) -> dict[str, t.Any]:
    """What a role has where nothing is said, as its filters take it."""
    values = yaml.safe_load((PROJECT / "roles" / role / "defaults" / "main.yml").read_text())
    return {name.removeprefix(f"{role}_"): value for name, value in values.items()}


def full(role: str) -> dict[str, t.Any]:
    """The options of the unit tests that have about everything."""
    file = PROJECT / "tests" / "unit" / "plugins" / "plugin_utils" / role / "fixtures" / "full.yml"
    return dict(yaml.safe_load(file.read_text()))


def read_by(lab: Lab, host: str, files: t.Mapping[str, str], command: str) -> str:
    """What the command says, run where these files are, below ``PLACE``; it must end with 0."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(content.encode())
            archive.addfile(entry, io.BytesIO(content.encode()))
    sent = base64.b64encode(packed.getvalue()).decode()
    unpack = f"rm -rf {PLACE}; mkdir {PLACE}; echo {sent} | base64 -d | tar xz -C {PLACE}"
    try:
        return lab.run(host, f"{unpack} && cd {PLACE} && {{ sh -c {shlex.quote(command)} 2>&1; }}")
    finally:
        lab.run(host, f"rm -rf {PLACE}")
