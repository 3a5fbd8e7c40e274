# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of ansible-core that are tested, each in a virtual environment of its own."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import threading
import typing as t
from pathlib import Path

from .paths import ROOT, VENV

if t.TYPE_CHECKING:
    from .steps import Shell

REQUIREMENTS = ROOT / "tests" / "requirements.txt"
# What unit tests import, beside ansible-core.
SHARED = ("hypothesis", "pytest", "PyYAML")


class Core(t.NamedTuple):
    """A version of ansible-core; the oldest and newest Python that it and the collection run on; ansible-test's pip."""

    version: str
    oldest: tuple[int, int]
    newest: tuple[int, int]
    pip: str

    @property
    def name(self) -> str:
        """Major and minor version, as in ``2.19``."""
        return self.version.rpartition(".")[0]

    @property
    def pythons(self) -> str:
        """The supported Pythons, for people."""
        return " to ".join(".".join(map(str, version)) for version in (self.oldest, self.newest))


MAIN = Core("2.19.14", (3, 11), (3, 13), "24.2")
CORES = (
    MAIN,
    Core("2.16.19", (3, 11), (3, 12), "23.1.2"),
    Core("2.18.19", (3, 11), (3, 13), "24.2"),
    Core("2.20.10", (3, 12), (3, 14), "25.2"),
    Core("2.21.5", (3, 12), (3, 14), "25.2"),
)
# Where the unit tests that play for minutes run: the oldest and the newest. Scenarios play with the one between them.
PLAYED = (min(CORES), max(CORES))
# Where the unit tests run that never meet ansible-core: the oldest Python, and that of the newest one.
PYTHONS = (MAIN, max(CORES))
_making = {core: threading.Lock() for core in CORES}


def other_pythons() -> list[Path]:
    """Where this machine has further Pythons that managed hosts may have: folders."""
    return [path.parent for path, version in _pythons() if version >= MAIN.oldest]


def find_python(core: Core) -> Path | None:
    """The oldest interpreter of this machine that ``core`` runs on: the system's, or one that pyenv installed."""
    fitting = [(path, version) for path, version in _pythons() if core.oldest <= version <= core.newest]
    return min(fitting, key=lambda found: found[1])[0] if fitting else None


@functools.cache
def _pythons() -> tuple[tuple[Path, tuple[int, int]], ...]:
    homes = [Path("/usr/bin"), Path("/usr/local/bin"), *Path.home().glob(".pyenv/versions/*/bin")]
    candidates = [path for home in homes for path in sorted(home.glob("python3.*"))]
    found = [(path, re.fullmatch(r"python3\.(\d+)", path.name)) for path in candidates]
    return tuple((path, (3, int(match[1]))) for path, match in found if match)


def make_venv(core: Core, python: Path, shell: Shell) -> Path:
    """The environment of ``core``, made anew where its recipe changed. Raises RuntimeError where pip fails."""
    if core is MAIN:
        return VENV
    # steps that want the same one run side by side
    with _making[core]:
        return _made_venv(core, python, shell)


def _made_venv(core: Core, python: Path, shell: Shell) -> Path:
    venv = ROOT / f".venv-{core.name}"
    wanted = [f"ansible-core=={core.version}", *_pins()]
    stamp = hashlib.sha256(" ".join([str(python), *wanted]).encode()).hexdigest()
    stamp_file = venv / ".stamp"
    if stamp_file.is_file() and stamp_file.read_text() == stamp:
        return venv
    shutil.rmtree(venv, ignore_errors=True)
    commands: list[list[str | Path]] = [[python, "-m", "venv", venv], [venv / "bin/pip", "install", "-qq", *wanted]]
    for argv in commands:
        if shell.call(argv) != 0:
            raise RuntimeError(f"no environment with ansible-core {core.version}: see above")
    stamp_file.write_text(stamp)
    return venv


def _pins() -> list[str]:
    lines = REQUIREMENTS.read_text().splitlines()
    return [line for line in lines if line.partition("==")[0] in SHARED]
