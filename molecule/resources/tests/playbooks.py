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
import time
import typing as t

from frame import PROJECT, SCENARIO

PATIENCE = 300
"""Seconds to the task that is waited for: many come before it, and this machine may be busy."""
LIMIT = 900
PAUSE = 0.1
FAILED, UNREACHABLE = 2, 4
"""Exit codes of ansible-playbook."""


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
        with self.start(playbook, *words, **variables) as run:
            return run.succeeds()

    def refused(self, playbook: str, *words: str, **variables: t.Any) -> str:
        with self.start(playbook, *words, **variables) as run:
            return " ".join(run.fails().split())


class Running:
    """A run, in a block with whose end it ends at the latest."""

    def __init__(self, argv: list[str]) -> None:
        # What it starts may outlive it, and would keep a pipe open.
        self._out = os.memfd_create("said")
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
        )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *problem: object) -> None:
        if self._process.poll() is None:
            self.cut_off()
        os.close(self._out)

    @property
    def said(self) -> str:
        """What a user has seen of it so far."""
        return os.pread(self._out, os.fstat(self._out).st_size, 0).decode(errors="replace")

    def reaches(self, task: str, *, changed: bool = False) -> None:
        """Wait until it takes a task, which is not its last one; or has changed the first of the task's hosts."""
        moment = rf"TASK \[(?:.* [:|] )?{re.escape(task)}\]" + (r"(?s:.*)changed: \[" if changed else "")
        deadline = time.monotonic() + PATIENCE
        while not re.search(moment, said := self.said):
            assert self._process.poll() is None and time.monotonic() < deadline, f"never at {task}: {said}"
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
        return self._process.wait(LIMIT)

    def fails(self) -> str:
        """Wait for its end, which must be a bad one that it came to by itself; returns all that it said."""
        code, said = self.ends(), self.said
        assert code == FAILED and "Traceback" not in said, said
        return said

    def succeeds(self) -> str:
        """Wait for its end, which must be a good one; returns all that it said."""
        assert self.ends() == 0, self.said
        return self.said


def unchanged(said: str) -> bool:
    """Whether a run had nothing to do."""
    return not re.search(r"changed=[1-9]", said)
