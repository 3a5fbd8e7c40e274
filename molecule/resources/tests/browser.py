# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that shows all of an answer, on the lab's light host ``client``."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t

from lab import __file__ as LAB
from lab.cluster import Lab

PROGRAM = pathlib.Path(LAB).with_name("browse.py")

Answer = dict[str, t.Any]


def browse(lab: Lab, requests: t.Sequence[t.Mapping[str, t.Any]], all_answered: bool = True) -> list[Answer]:
    """The answers (see lab/browse.py); every request must have one, unless told otherwise."""
    argv = [*lab.sandbox.enter("client"), sys.executable, str(PROGRAM)]
    done = subprocess.run(argv, input=json.dumps(requests), capture_output=True, text=True, check=True)
    answers: list[Answer] = json.loads(done.stdout)
    failed = [answer for answer in answers if "error" in answer]
    assert not failed or not all_answered, f"{len(failed)} of {len(answers)} requests failed: {failed[0]}"
    return answers
