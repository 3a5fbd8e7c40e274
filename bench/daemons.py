# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons as plain processes of this one: they end with it, however it ends."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
import time
import typing as t

from . import configurations, processes, tools

PATIENCE = 10


@contextlib.contextmanager
def running(
    daemon: str, folder: pathlib.Path, files: configurations.Files, address: tuple[str, int]
) -> t.Iterator[int]:
    """Lay the files down and run the daemon on them; it answers on ``address`` when the block begins. The process id."""
    configurations.lay_down(folder, files)
    namespaces = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    words = {"nginx": _nginx, "haproxy": _haproxy}[daemon](folder)
    limit = f"--nofile=1024:{processes.hard_limit()}"
    kept = ["setpriv", "--pdeathsig", "KILL", "unshare", *namespaces, "--pid", "--fork", "--kill-child"]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            ["prlimit", limit, *kept, *words],
            env=tools.environment(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        _wait(process, folder / "said", address)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _nginx(folder: pathlib.Path) -> list[str]:
    options = ["-e", f"{folder}/error.log", "-c", f"{folder}/etc/nginx/nginx.conf"]
    return [tools.program("nginx"), *options, "-g", f"daemon off; {_pid(folder)}"]


def _pid(folder: pathlib.Path) -> str:
    # the distribution's file and the role's name one themselves
    return "" if "\npid " in (folder / "etc/nginx/nginx.conf").read_text() else f"pid {folder}/nginx.pid;"


def _haproxy(folder: pathlib.Path) -> list[str]:
    more = folder / "etc/haproxy/mixed_lb"
    files = ["-f", f"{folder}/etc/haproxy/haproxy.cfg", *(["-f", str(more)] if more.exists() else [])]
    return [tools.program("haproxy"), "-W", "-db", *files]


def _wait(process: subprocess.Popen[bytes], said: pathlib.Path, address: tuple[str, int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(address, 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{address[0]} port {address[1]} does not answer: {said.read_text()[-2000:]}")
