# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients at once on the lab's light host ``client``, under whose eyes things change."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import typing as t

from lab import __file__ as LAB
from lab.client import first_line, last_words
from lab.cluster import Lab

PROGRAM = pathlib.Path(LAB).with_name("crowd.py")
# Seconds that the last requests have to end.
END = 30


@contextlib.contextmanager
def crowd(lab: Lab, address: str, port: int, **options: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """They ask meanwhile; afterwards the mapping has what they saw. See lab/crowd.py for that and for options."""
    argv = [*lab.sandbox.cable("client"), sys.executable, str(PROGRAM), address, str(port)]
    argv += [f"--{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seen: dict[str, t.Any] = {}
    try:
        assert first_line(process) == "answered\n", f"nobody answers at {address}, port {port}"
        yield seen
    finally:
        out = last_words(process, END)
        print(f"{address}, port {port}, {options}: {out}")
    seen |= json.loads(out)
