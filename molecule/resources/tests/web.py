# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Web servers on light hosts of the lab that die, fall ill and come back (``lab/backend.py``)."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t

import pytest
from frame import PROJECT, SCENARIO

from lab.cluster import Lab

PROGRAM = PROJECT / "lab" / "backend.py"
CERTIFICATES = PROJECT / ".lab" / "scenarios" / f"{SCENARIO}.tls"


class Web:
    """The web server of one light host; by TLS too where ``certificate``, a path without its suffix, is there."""

    def __init__(self, lab: Lab, host: str, certificate: pathlib.Path) -> None:
        files = [certificate.with_suffix(suffix) for suffix in (".pem", ".key")]
        words = map(str, files if files[0].exists() else [])
        self._argv = [*lab.sandbox.cable(host), sys.executable, str(PROGRAM), host, *words]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it listens. Does nothing where it runs."""
        if self._process is None:
            self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.requests()

    def stop(self) -> None:
        """It is gone: connections are refused."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def answer_checks(self, status: int) -> None:
        """The status that ``/healthz`` has from now on; all else is served as before."""
        self._tell(health=status)

    def release(self) -> None:
        """Whoever waits for ``/held`` gets it."""
        self._tell(release=True)

    def say(self, word: str) -> None:
        """What its agent tells HAProxy from now on."""
        self._tell(agent=word)

    def requests(self) -> dict[str, int]:
        """How many requests came, by method and port."""
        return self._tell()

    def recover(self) -> None:
        """As it was in the beginning."""
        self.start()
        self._tell(health=200, agent="up ready", release=True)

    def _tell(self, **state: int | str) -> dict[str, int]:
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(state) + "\n")
        self._process.stdin.flush()
        said: dict[str, int] = json.loads(self._process.stdout.readline())
        return said


Sites = dict[str, Web]


def release(sites: Sites) -> None:
    """All downloads of ``/held`` end."""
    for site in sites.values():
        site.release()


@pytest.fixture(scope="session")
def running(lab: Lab) -> t.Iterator[Sites]:
    """The web servers by host, all up: the lab's light hosts but its client."""
    light = [host.name for host in lab.topology.hosts if host.namespace and host.name != "client"]
    made = {host: Web(lab, host, CERTIFICATES / host) for host in light}
    for site in made.values():
        site.start()
    yield made
    for site in made.values():
        site.stop()
