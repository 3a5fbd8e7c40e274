# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a daemon really does what its configuration says: connect, send, expect; or run a program, expect."""

from __future__ import annotations

import re
import socket
import time
import typing as t

from ..system.command import Command
from .model import GENERATION, DaemonProblem, Probe

PAUSE = 0.1
"""Seconds between two attempts."""
_MOST = 1 << 20


def wait_for(probes: t.Sequence[Probe], generation: str, timeout: float, command: Command) -> None:
    """Return when all probes have passed; raises ``DaemonProblem`` with what the last one said after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    for probe in probes:
        ready = Probe(probe.address, probe.argv, *(text.replace(GENERATION, generation) for text in probe[2:]))
        while (fault := _fault(ready, deadline, command)) is not None:
            if time.monotonic() >= deadline:
                raise DaemonProblem(f"probe {probe} did not pass within {timeout:g} s: {fault}")
            time.sleep(PAUSE)


def _fault(probe: Probe, deadline: float, command: Command) -> str | None:
    """Why the probe does not pass, or None."""
    try:
        if probe.argv:
            result = command(probe.argv)
            if result.rc != 0:
                return f"exit code {result.rc}: {result.err.strip() or result.out.strip()}"
            said = result.out
        else:
            said = _ask(probe, max(deadline - time.monotonic(), PAUSE))
    except OSError as error:
        return str(error)
    if not probe.expects or re.search(probe.expects, said):
        return None
    return f"no {probe.expects!r} in {said[:200]!r}"


def _ask(probe: Probe, seconds: float) -> str:
    with _connected(probe.address, seconds) as connection:
        if not probe.expects:
            return ""
        connection.sendall(probe.send.encode())
        said = b""
        while not re.search(probe.expects, text := said.decode(errors="replace")) and len(said) < _MOST:
            part = connection.recv(65536)
            if not part:
                return text
            said += part
        return text


def _connected(address: str, seconds: float) -> socket.socket:
    if not address.startswith("/"):
        host, _colon, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
