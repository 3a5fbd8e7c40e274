# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the scenario's playbook once more, with something else wanted."""

from __future__ import annotations

import json
import subprocess
import typing as t

from frame import PROJECT, SCENARIO


def play(
    variables: t.Mapping[str, t.Any], *words: str, playbook: str = f"molecule/{SCENARIO}/converge.yml"
) -> subprocess.CompletedProcess[str]:
    """The run; its output has what a user would see. ``words`` are further ones for ansible-playbook, as ``--limit``."""
    argv = ["ansible-playbook", "-i", f"inventories/{SCENARIO}", "-i", f".lab/scenarios/{SCENARIO}.yml"]
    argv += [playbook, "-e", json.dumps(variables), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=PROJECT)


def site(host: str, **variables: t.Any) -> str:
    """What ``site.yml`` says on that host, for the stage that the hosts are in; it must succeed."""
    done = play(variables, "--limit", host, playbook="molecule/resources/converge.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(variables: t.Mapping[str, t.Any], host: str) -> str:
    """What the run says on that host, which must fail."""
    done = play(variables, "--limit", host)
    said = done.stdout + done.stderr
    assert done.returncode == 2, f"not refused: {said}"
    assert "Traceback" not in said, said
    return said
