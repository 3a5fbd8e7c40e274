# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes of this machine cost."""

from __future__ import annotations

import os
import pathlib
import resource
import subprocess

FILES = 524288  # systemd's hard limit of open files for a service in Debian
TICK = os.sysconf("SC_CLK_TCK")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def cpu(pid: int) -> float:
    """Seconds of CPU that a process and all below it took so far, with those that ended and were waited for."""
    total, waiting = 0, [pid]
    while waiting:
        folder = pathlib.Path(f"/proc/{waiting.pop()}")
        try:
            # behind the name, which may hold spaces: utime, stime, cutime and cstime are fields 14 to 17
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            for task in (folder / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(map(int, fields[11:15]))
    return total / TICK


def hard_limit() -> int:
    """How many files a daemon may open: systemd's limit, or less where this process may not have that many."""
    wanted = ["prlimit", f"--nofile=1024:{FILES}", "true"]
    allowed = subprocess.run(wanted, capture_output=True, check=False).returncode == 0
    return FILES if allowed else resource.getrlimit(resource.RLIMIT_NOFILE)[1]
