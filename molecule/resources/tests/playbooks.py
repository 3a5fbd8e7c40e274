# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of the collection, run as users run them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import typing as t

from frame import PROJECT, SCENARIO

PATIENCE = 180
"""Seconds to the task that is waited for: many come before it, and this machine may be busy."""
PAUSE = 0.1


class Playbooks:
    """``play`` must succeed, ``refused`` must fail; both return what a user would see. ``given`` goes to every run."""

    def __init__(self, *inventories: str, **given: t.Any) -> None:
        self.given = given
        self._inventories = [word for one in (*inventories, f".lab/scenarios/{SCENARIO}.yml") for word in ("-i", one)]

    def argv(self, playbook: str, *words: str, **variables: t.Any) -> list[str]:
        """The words of a run."""
        more = json.dumps({**self.given, **variables})
        return ["ansible-playbook", *self._inventories, f"playbooks/{playbook}.yml", "-e", more, *words]

    def start(self, playbook: str, *words: str, **variables: t.Any) -> Running:
        """One that is looked at while it runs."""
        return Running(self.argv(playbook, *words, **variables))

    def play(self, playbook: str, *words: str, **variables: t.Any) -> str:
        return self.start(playbook, *words, **variables).succeeds()

    def refused(self, playbook: str, *words: str, **variables: t.Any) -> str:
        running = self.start(playbook, *words, **variables)
        assert running.ends() == 2, running.said
        assert "Traceback" not in running.said
        return " ".join(running.said.split())


class Running:
    """A run, and in ``said`` what a user has seen of it so far."""

    def __init__(self, argv: list[str]) -> None:
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT)
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said += line

    def reaches(self, task: str) -> None:
        """Wait until it takes a task, which is not its last one."""
        deadline = time.monotonic() + PATIENCE
        while f"TASK [{task}]" not in self.said:
            assert self._process.poll() is None and time.monotonic() < deadline, f"never at {task}: {self.said}"
            time.sleep(PAUSE)

    def cut_off(self) -> None:
        """As by a controller that dies: with all that it has started, some of it in sessions of its own."""
        listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = dict(line.split() for line in listed.splitlines())
        family = [str(self._process.pid)]
        for one in family:
            family += [child for child, parent in parents.items() if parent == one]
        for one in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(one), signal.SIGKILL)
        assert self.ends() == -signal.SIGKILL, self.said

    def ends(self) -> int:
        """Wait for its end; returns its exit code."""
        code = self._process.wait()
        self._reader.join()
        return code

    def succeeds(self) -> str:
        """Wait for its end, which must be a good one; returns all that it said."""
        assert self.ends() == 0, self.said
        return self.said


def unchanged(said: str) -> bool:
    """Whether a run had nothing to do."""
    return not re.search(r"changed=[1-9]", said)
