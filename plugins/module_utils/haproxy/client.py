# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's socket: one command, one answer."""

from __future__ import annotations

import socket
import typing as t

from .model import HaproxyProblem

TIMEOUT = 10
"""Seconds to wait for an answer."""
_PART = 1 << 16

Ask = t.Callable[[str], str]
"""Sends a command, returns the answer. Raises ``HaproxyProblem``."""


class NotRunning(HaproxyProblem):
    """Nobody listens at the socket."""


def over_socket(path: str) -> Ask:
    """The real thing."""

    def ask(command: str) -> str:
        if "\n" in command or ";" in command:
            raise HaproxyProblem(f"{command!r} would be more than one command")
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(TIMEOUT)
                connection.connect(path)
                connection.sendall(f"{command}\n".encode())
                parts = []
                while part := connection.recv(_PART):
                    parts.append(part)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunning(f"HAProxy does not listen at {path} ({error.strerror}): does it run?") from error
        except OSError as error:
            raise HaproxyProblem(f"{path}: {error}") from error
        answer = b"".join(parts).decode(errors="replace")
        if "Permission denied" in answer:
            raise HaproxyProblem(f"{path}: {answer.strip()}. The line stats socket needs level admin")
        return answer

    return ask
