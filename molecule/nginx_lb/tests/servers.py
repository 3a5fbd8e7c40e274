# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers behind the proxies: processes on light hosts, which can die and be sick."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

from lab.cluster import Lab

PROGRAM = pathlib.Path(__file__).resolve().parents[3] / "lab" / "backend.py"


class Server:
    """``lab/backend.py`` on the light host ``name``; ``certificate`` is the path without its suffix."""

    def __init__(self, lab: Lab, name: str, certificate: pathlib.Path | None) -> None:
        files = [f"{certificate}.pem", f"{certificate}.key"] if certificate else []
        self.name = name
        self._argv = [*lab.sandbox.cable(name), sys.executable, str(PROGRAM), name, *files]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it serves."""
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tell()

    def stop(self) -> None:
        """As by a power cut, except that its address goes on refusing connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def tell(self, **state: int) -> dict[str, int]:
        """Change what it does; returns how many requests it has had, by method and port."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(state) + "\n")
        self._process.stdin.flush()
        counts: dict[str, int] = json.loads(self._process.stdout.readline())
        return counts
