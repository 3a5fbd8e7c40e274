# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the scenario's playbook as users do, with other variables."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import tempfile
import typing as t

from conftest import NOTES, PROJECT, SCENARIO


def converge(**variables: t.Any) -> str:
    """The playbook's output; it must succeed."""
    code, said = _play(variables)
    assert code == 0, said
    return said


def refused(**variables: t.Any) -> str:
    """The output of a run that must fail, on every host, by a task that changed nothing."""
    code, said = _play(variables)
    assert code != 0, said
    assert said.count("fatal: [") == 2 and "changed=0" in said and "changed=1" not in said, said
    return said


def _play(variables: dict[str, t.Any]) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "variables.json"
        file.write_text(json.dumps(variables))
        argv = ["ansible-playbook", f"--inventory=inventories/{SCENARIO}", f"--inventory={NOTES / SCENARIO}.yml"]
        argv += [f"--extra-vars=wanted={file}", f"molecule/{SCENARIO}/converge.yml"]
        environment = {**os.environ, "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_PIPELINING": "True"}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=PROJECT, env=environment)
    return done.returncode, done.stdout + done.stderr
