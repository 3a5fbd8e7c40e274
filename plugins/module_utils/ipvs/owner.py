# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else writes to this host's IPVS table: there may be one writer only."""

from __future__ import annotations

import fnmatch
import posixpath
import re

from ..system.command import Command, ProgramMissing
from ..system.files import FileStore
from .runner import IpvsError

KEEPALIVED_CONF = "/etc/keepalived/keepalived.conf"
IPVSADM_DEFAULTS = "/etc/default/ipvsadm"
MAX_INCLUDES = 100


def refuse_keepalived(command: Command, files: FileStore, keyword: str = "virtual_server") -> None:
    """Raise where keepalived runs with ``keyword`` (as the first word of a line) in its configuration."""
    place = _find(files, KEEPALIVED_CONF, keyword)
    if place and _runs(command):
        raise IpvsError(
            f"keepalived runs on this host and manages this ({keyword} in {place}): change it there, "
            f"remove it from there, or set ignore_keepalived: true where the two do not meet"
        )


def refuse_flushing_service(files: FileStore) -> None:
    """Raise where the distribution's own ipvsadm.service would empty the table at every start and stop."""
    for number, line in enumerate((files.read(IPVSADM_DEFAULTS) or "").splitlines(), 1):
        if re.match(r"\s*AUTO=[\"']?true[\"']?\s*(#|$)", line):
            raise IpvsError(
                f"{IPVSADM_DEFAULTS} line {number} says {line.strip()}, so ipvsadm.service empties the table at every "
                'start and stop: write AUTO="false" there, or leave persist out'
            )


def _runs(command: Command) -> bool:
    try:
        return command(["systemctl", "is-active", "--quiet", "keepalived.service"]).rc == 0
    except ProgramMissing:
        return False


def _find(files: FileStore, start: str, keyword: str) -> str | None:
    """The file and line that hold the keyword, searched through ``include`` lines as keepalived does."""
    queue = [start]
    seen: set[str] = set()
    while queue and len(seen) < MAX_INCLUDES:
        path = queue.pop(0)
        if path in seen:
            continue
        seen.add(path)
        for number, line in enumerate((files.read(path) or "").splitlines(), 1):
            words = re.split(r"[#!]", line)[0].split()
            if words and words[0] == keyword:
                return f"{path} line {number}"
            if len(words) > 1 and words[0].startswith("include"):
                queue += _matches(files, posixpath.join(posixpath.dirname(path), words[1].strip("\"'")))
    return None


def _matches(files: FileStore, pattern: str) -> list[str]:
    folder, name = posixpath.split(pattern)
    return [posixpath.join(folder, found) for found in files.names(folder) if fnmatch.fnmatch(found, name)]
