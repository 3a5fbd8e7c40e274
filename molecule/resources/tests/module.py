# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls a module for real, as a user would from a playbook."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t

from frame import PROJECT, SCENARIO


def call(host: str, module: str, arguments: t.Mapping[str, t.Any], *words: str) -> dict[str, t.Any]:
    """What the call returns, which must succeed, and what was ``printed`` before. ``words`` are further ones for the program, as ``--check``."""
    return _run(host, module, "-a", json.dumps(arguments), *words)


def answer(host: str, module: str) -> dict[str, t.Any]:
    """What a module that only reads returns."""
    return _run(host, module)


def _run(host: str, module: str, *words: str) -> dict[str, t.Any]:
    argv = ["ansible", host, "-i", str(PROJECT / ".lab" / "scenarios" / f"{SCENARIO}.yml")]
    argv += ["-m", f"mixed_lb.stack.{module}", *words]
    # Molecule asks for colours, which are no JSON.
    plain = {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=PROJECT, env=plain)
    assert done.returncode == 0, done.stdout + done.stderr
    # Behind the answer there may be words of plugins.
    found: dict[str, t.Any] = json.JSONDecoder().raw_decode(done.stdout.partition("=>")[2].lstrip())[0]
    # What comes before it is the diff.
    return found | {"printed": done.stdout.partition(f"{host} | ")[0]}
