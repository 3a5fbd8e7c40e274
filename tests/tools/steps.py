# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps: running programs with what they say on the screen at once, alone or side by side."""

from __future__ import annotations

import collections
import concurrent.futures
import os
import shlex
import signal
import subprocess
import threading
import time
import typing as t
from pathlib import Path

from .paths import ROOT, environment
from .report import Count, Outcome, of_tool

LAST = 40
"""How many of a failed step's lines are shown again at the end, where whoever looks for them begins to read."""
WORKERS = min(4, os.cpu_count() or 1)
UNTIL = float(os.environ.get("TEST_UNTIL", "inf"))
"""Seconds since the epoch at which whoever runs this ends it; what hangs is ended then, and said to."""
GRACE = 5
TIME_IS_OVER = 124
"""Exit code of what has ended well, but not all that it has started."""
_screen = threading.Lock()


class Shell:
    """What a step speaks through: every line carries the step's name, since steps run side by side."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.last: collections.deque[str] = collections.deque(maxlen=LAST)

    def say(self, line: str) -> None:
        """Print one line."""
        line = f"{self.name} | {line}"
        self.last.append(line)
        with _screen:
            print(line, flush=True)

    def call(self, argv: t.Sequence[str | Path], env: dict[str, str] | None = None, cwd: Path = ROOT) -> int:
        """Run ``argv`` and pass its lines on as they come; returns the exit code, 127 for a missing program."""
        self.say("$ " + _shown(argv))
        try:
            process = subprocess.Popen(
                [str(word) for word in argv],
                env=env or environment(),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            self.say(f"cannot run {argv[0]}: {error.strerror}")
            return 127
        # what it has started may hold its output open longer than it lives
        reader = threading.Thread(target=self._pass_on, args=[process.stdout], daemon=True)
        reader.start()
        reader.join(max(0.0, min(threading.TIMEOUT_MAX, UNTIL - time.time())))
        if reader.is_alive():
            self.say("ended, because the time is over")
            # pytest tells where it was
            process.send_signal(signal.SIGABRT)
            reader.join(GRACE)
            process.kill()
            return process.wait() or TIME_IS_OVER
        return process.wait()

    def _pass_on(self, output: t.Iterable[str]) -> None:
        for line in output:
            self.say(line.rstrip())


class Step(t.NamedTuple):
    """Something to run: ``run`` is given a shell and returns the counts."""

    name: str
    run: t.Callable[[Shell], Count]


def tool(name: str, *commands: t.Sequence[str | Path]) -> Step:
    """A step of commands without tests of their own, run in turn until one fails: one test together."""

    def run(shell: Shell) -> Count:
        return of_tool(next((code for command in commands if (code := shell.call(command)) != 0), 0))

    return Step(name, run)


def skip(name: str, reason: str) -> Step:
    """A step that cannot run here, and why."""

    def run(shell: Shell) -> Count:
        shell.say(f"skipped: {reason}")
        return Count(skipped=1)

    return Step(name, run)


def run_all(steps: t.Sequence[Step]) -> list[Outcome]:
    """Run steps side by side, as many as there are processors; a failed one does not keep the others from running."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run_one, steps))


def run_one(step: Step) -> Outcome:
    """Run one step, timed."""
    shell = Shell(step.name)
    begin = time.monotonic()
    try:
        count = step.run(shell)
    except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
        shell.say(f"error: {error}")
        count = Count(failed=1)
    seconds = time.monotonic() - begin
    shell.say(f"-> {count}, {seconds:.1f} s")
    return Outcome(step.name, seconds, count, tuple(shell.last))


def passthrough(argv: t.Sequence[str | Path]) -> int:
    """Run a program that draws its own progress on the terminal."""
    print("$ " + _shown(argv), flush=True)
    return subprocess.run([str(word) for word in argv], env=environment(), cwd=ROOT, check=False).returncode


def _shown(argv: t.Sequence[str | Path]) -> str:
    return shlex.join(str(word).replace(f"{ROOT}/", "") for word in argv)
