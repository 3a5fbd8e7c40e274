# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 12's wrk, nginx and HAProxy, unpacked in the lab's cache: nothing is installed on the machine."""

from __future__ import annotations

import os
import pathlib
import re
import resource
import shutil
import subprocess
import typing as t

from lab import cache, report
from lab.kernels import Apt

from . import processes

SUITE = "bookworm"
PACKAGES = ("haproxy", "nginx", "nginx-common", "wrk")
# Of what they depend on, that which not every Debian system has.
LIBRARIES = (
    "libluajit-5.1-2",
    "libluajit-5.1-common",
    "liblua5.3-0",
    "libopentracing-c-wrapper0",
    "libopentracing1",
)
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def root() -> pathlib.Path:
    """The folder that the packages are unpacked in, fetched when it is not in the cache."""
    path = cache.folder() / "bench" / SUITE
    with cache.locked("bench"):
        if not path.exists():
            with report.step(f"fetch {', '.join(PACKAGES)} of Debian {SUITE}"), cache.entry(path) as aside:
                unpacked = Apt(SUITE, aside / "work").unpack(*PACKAGES, *LIBRARIES)
                for name in ("usr", "etc"):
                    shutil.copytree(unpacked / name, aside / name, symlinks=True)
                shutil.rmtree(aside / "work")
    return path


def program(name: str) -> str:
    """The path of one of the programs."""
    return next(str(path) for folder in ("usr/sbin", "usr/bin") if (path := root() / folder / name).exists())


def environment() -> dict[str, str]:
    """Where they find their libraries."""
    return {**os.environ, "LC_ALL": "C", "LD_LIBRARY_PATH": str(root() / "usr/lib/x86_64-linux-gnu")}


def version(name: str) -> str:
    """What a daemon says of itself, such as 1.22.1."""
    done = subprocess.run([program(name), "-v"], env=environment(), capture_output=True, text=True, check=True)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    if found is None:
        raise RuntimeError(f"{name} -v does not say a version: {done.stdout}{done.stderr}")
    return found.group()


class Load(t.NamedTuple):
    """What a client saw: ``rate``, good answers a second; ``p99``: seconds within which 99 of 100 answers came.

    ``busy``: which part of a core the client itself took.
    """

    good: int
    failed: int
    rate: float
    p99: float
    busy: float = 0.0

    @property
    def failed_share(self) -> float:
        """Between 0 and 1: of all that was asked, what had no answer or another status than 200."""
        return self.failed / max(1, self.failed + self.good)


def load(url: str, connections: int, seconds: int, *words: str, enter: t.Sequence[str] = ()) -> Load:
    """Ask ``url`` over so many connections for so long; ``enter`` goes before the command, ``words`` are more options of wrk."""
    argv = [program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout=10s", "--latency", *words, url]
    # the client holds a file for each connection
    roomy = ["prlimit", f"--nofile={resource.getrlimit(resource.RLIMIT_NOFILE)[1]}"]
    before = processes.ended()
    done = subprocess.run([*enter, *roomy, *argv], env=environment(), capture_output=True, text=True, check=True)
    return read(done.stdout)._replace(busy=(processes.ended() - before) / seconds)


def read(said: str) -> Load:
    """The figures out of what wrk prints; ``ValueError`` where they are not there."""
    total = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec: +([\d.]+)", said)
    late = re.search(r"99% +([\d.]+)(us|ms|s|m)\b", said)
    if not (total and rate and late):
        raise ValueError(f"wrk did not say what it measured:\n{said}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = sum(map(int, errors.groups())) if errors else 0
    bad = int(other[1]) if other else 0
    answers = int(total[1])
    good = answers - bad
    return Load(good, broken + bad, float(rate[1]) * good / max(1, answers), float(late[1]) * UNITS[late[2]])
