# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes of this machine cost, and on which of its cores they run."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import subprocess
import typing as t

FILES = 524288  # systemd's hard limit of open files for a service in Debian
TICK = os.sysconf("SC_CLK_TCK")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def apart() -> tuple[set[int], set[int]]:
    """One core for what is measured, and the others for the rest; the same one where there is no other."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}


@contextlib.contextmanager
def confined(own: set[int]) -> t.Iterator[None]:
    """This process, and what it starts in the block, on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, own)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(pid: int, own: set[int]) -> None:
    """Move a process and all below it to these cores; what they start later stays there, too."""
    for task in _tasks(pid):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), own)


def cpu(pid: int) -> float:
    """Seconds of CPU that a process and all below it took so far, with those that ended and were waited for.

    Of the living to the nanosecond (``stat`` has hundredths of a second), of those that ended in hundredths.
    """
    nanoseconds = ticks = 0
    for task in _tasks(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            nanoseconds += int((task / "schedstat").read_text().split()[0])
            if task.name == task.parent.parent.name:
                # behind the name, which may hold spaces: cutime and cstime are fields 16 and 17
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[13:15]))
    return nanoseconds / 1e9 + ticks / TICK


def _tasks(pid: int) -> t.Iterator[pathlib.Path]:
    """The folders in /proc of all threads of a process and of those below it."""
    waiting = [pid]
    while waiting:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in pathlib.Path(f"/proc/{waiting.pop()}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
                yield task


def ended() -> float:
    """Seconds of CPU of all children of this process that ended so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def hard_limit() -> int:
    """How many files a daemon may open: systemd's limit, or less where this process may not have that many."""
    wanted = ["prlimit", f"--nofile=1024:{FILES}", "true"]
    allowed = subprocess.run(wanted, capture_output=True, check=False).returncode == 0
    return FILES if allowed else resource.getrlimit(resource.RLIMIT_NOFILE)[1]
