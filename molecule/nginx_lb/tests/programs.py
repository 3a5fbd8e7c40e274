# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of lab/ that serve what few tests need, on light hosts."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import typing as t

from frame import PROJECT

from lab.cluster import Lab


@contextlib.contextmanager
def serving(lab: Lab, host: str, program: str, *words: str) -> t.Iterator[None]:
    """It is ready, and runs meanwhile."""
    argv = [*lab.sandbox.cable(host), sys.executable, str(PROJECT / "lab" / program), host, *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", f"{program} did not start on {host}"
            yield
        finally:
            process.kill()
