# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are in the checkout, and which files belong to it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
# Where lab/run-scenarios reports to.
JUNIT = CACHE / "junit"
VENV = ROOT / ".venv"


def environment(venv: Path = VENV, **extra: str) -> dict[str, str]:
    """The caller's environment, with ``venv`` first among the places where programs are looked for."""
    return {**os.environ, "PATH": f"{venv}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", **extra}


def source_files() -> list[Path]:
    """Every file that is tracked or would be: paths below ROOT, relative to it, sorted.

    Raises RuntimeError outside of a git checkout: only git knows which files belong to it.
    """
    if not (ROOT / ".git").exists():
        raise RuntimeError(f"{ROOT} is no git checkout: git clone the repository instead of unpacking an archive")
    # safe.directory: root may well test another user's checkout.
    git = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(Path(name) for name in set(names) if name and (ROOT / name).is_file())


def shell_scripts() -> list[Path]:
    """Those of the source files that a shell reads, by name or by first line."""

    def is_shell(path: Path) -> bool:
        if path.suffix:
            return path.suffix in (".sh", ".bash")
        with (ROOT / path).open("rb") as file:
            first = file.readline()
        return first.startswith(b"#!") and first.rstrip().endswith((b"sh", b"sh -eu", b"sh -e"))

    return [path for path in source_files() if is_shell(path)]
