# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of the collection, run as users run them."""

from __future__ import annotations

import json
import subprocess
import typing as t

from frame import PROJECT, SCENARIO


class Playbooks:
    """``play`` must succeed, ``refused`` must fail; both return what a user would see. ``given`` goes to every run."""

    def __init__(self, *inventories: str, **given: t.Any) -> None:
        self.given = given
        self._inventories = [word for one in (*inventories, f".lab/scenarios/{SCENARIO}.yml") for word in ("-i", one)]

    def argv(self, playbook: str, *words: str, **variables: t.Any) -> list[str]:
        """The words of a run."""
        more = json.dumps({**self.given, **variables})
        return ["ansible-playbook", *self._inventories, f"playbooks/{playbook}.yml", "-e", more, *words]

    def run(self, playbook: str, *words: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
        argv = self.argv(playbook, *words, **variables)
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=PROJECT)

    def play(self, playbook: str, *words: str, **variables: t.Any) -> str:
        done = self.run(playbook, *words, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, playbook: str, *words: str, **variables: t.Any) -> str:
        done = self.run(playbook, *words, **variables)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())
