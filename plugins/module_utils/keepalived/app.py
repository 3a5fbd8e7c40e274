# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a running keepalived for its state: a signal makes it write a file."""

from __future__ import annotations

import time
import typing as t

from ..system.command import Command
from ..system.files import FileStore
from . import parse

PID_FILE = "/run/keepalived.pid"
PAUSE = 0.05
"""Seconds between two looks at the file."""


class InfoProblem(Exception):
    """The daemon runs but does not tell; the text says what to do."""


def info(
    command: Command, files: FileStore, timeout: float, sleep: t.Callable[[float], t.Any] = time.sleep
) -> dict[str, t.Any]:
    """``running`` and ``instances``. Raises ``InfoProblem`` where the daemon has not answered after ``timeout`` seconds."""
    pid = (files.read(PID_FILE) or "").strip()
    if not pid or (files.read(f"/proc/{pid}/comm") or "").strip() != "keepalived":
        return {"running": False, "instances": []}
    number = command(["keepalived", "--signum=JSON"])
    if number.rc != 0:
        raise InfoProblem("this keepalived was built without JSON: install the package of the distribution")
    # By way of its root, as a unit with PrivateTmp= has a /tmp of its own.
    path = f"/proc/{pid}/root/tmp/keepalived.json"
    files.remove(path)
    killed = command(["kill", "-s", number.out.strip(), pid])
    if killed.rc != 0:
        raise InfoProblem(f"cannot signal keepalived: {killed.err.strip()}")
    problem = "it wrote nothing"
    for _turn in range(max(1, round(timeout / PAUSE))):
        text = files.read(path)
        if text is not None:
            try:
                return {"running": True, "instances": parse.instances(text)}
            except parse.UnknownAnswer as error:  # it may be writing still
                problem = str(error)
        sleep(PAUSE)
    raise InfoProblem(f"keepalived did not tell its state within {timeout:g} s: {problem}")
