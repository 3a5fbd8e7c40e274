# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over a cable of the lab, as frames to make assertions about."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import typing as t

from .cluster import Lab, LabError

LINE = re.compile(r"(?P<source>[0-9a-f:]{17}) > (?P<target>[0-9a-f:]{17}), .*?length \d+: (?P<text>.*)")


class Frame(t.NamedTuple):
    """One frame: hardware addresses, and tcpdump's words about what is in it."""

    source: str
    target: str
    text: str


def syn_acks(frames: t.Iterable[Frame]) -> list[Frame]:
    """The answers to those that want a connection."""
    return [frame for frame in frames if "Flags [S.]" in frame.text]


class Capture:
    """Captures at ``place`` (a network, or HOST.0 for a host's cable) while the block runs; ``words`` filter as tcpdump does."""

    def __init__(self, lab: Lab, place: str, words: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mixed-lb-capture-")
        self._file = pathlib.Path(self._folder.name) / "frames"
        self._argv = lab.capture(place, ["--immediate-mode", "-w", str(self._file), *words.split()])

    def __enter__(self) -> Capture:
        # A group of its own: what entered the lab's namespaces is a child of the process that is known here.
        self._process = subprocess.Popen(
            self._argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            if "listening on" in line:
                return self
            said.append(line.strip())
        raise LabError(f"tcpdump ended at once: {'; '.join(said)}: {' '.join(self._argv)}")

    def __exit__(self, *_error: object) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()

    def frames(self) -> list[Frame]:
        """All frames up to now."""
        argv = ["tcpdump", "-nn", "-e", "-t", "-r", str(self._file)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        # the last frame may be half written
        if done.returncode != 0 and "truncated" not in done.stderr:
            raise LabError(f"tcpdump cannot read what it wrote: {done.stderr.strip()}")
        # tcpdump breaks a frame with something in it into a line and indented ones.
        lines = done.stdout.replace("\n\t", " ").replace("\n    ", " ").splitlines()
        found = (LINE.match(line) for line in lines)
        return [Frame(match["source"], match["target"], match["text"]) for match in found if match]

    def until(self, enough: t.Callable[[list[Frame]], bool], timeout: float = 5) -> list[Frame]:
        """The frames as soon as they are enough, or those that there are after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not enough(frames := self.frames()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return frames
