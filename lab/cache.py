# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's cache: one folder for a user, shared by all checkouts; every entry is made aside and then renamed in."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as t


class CacheError(Exception):
    """The cache cannot be used; the message says what to do."""


def folder() -> pathlib.Path:
    """The cache's folder: ``MIXED_LB_LAB_CACHE``, or mixed_lb/lab in the user's cache; ``CacheError`` where it is somebody else's."""
    chosen = os.environ.get("MIXED_LB_LAB_CACHE")
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    path = pathlib.Path(chosen) if chosen else base / "mixed_lb" / "lab"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheError(f"cannot make the lab's cache: {error}; name another folder in MIXED_LB_LAB_CACHE") from error
    if not os.access(path, os.W_OK | os.X_OK):
        # The key that logs in to the hosts lies there, for its owner only.
        raise CacheError(f"the lab's cache {path} is another user's; name a folder of your own in MIXED_LB_LAB_CACHE")
    return path


@contextlib.contextmanager
def locked(name: str) -> t.Iterator[None]:
    """Only one process at a time makes the entry ``name``."""
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def entry(path: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """A new folder to fill; it becomes ``path`` only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    aside.chmod(0o755)
    try:
        yield aside
        if path.exists():
            shutil.rmtree(path)
        aside.rename(path)
    finally:
        # Where all went well it has become the entry.
        shutil.rmtree(aside, ignore_errors=True)


def ssh_key() -> pathlib.Path:
    """The private key that logs in to every lab host; made at the first call."""
    path = folder() / "ssh" / "id_ed25519"
    with locked("ssh"):
        if not path.exists():
            with entry(path.parent) as aside:
                argv = [
                    "ssh-keygen",
                    "-q",
                    "-t",
                    "ed25519",
                    "-N",
                    "",
                    "-C",
                    "mixed_lb lab",
                    "-f",
                    str(aside / path.name),
                ]
                subprocess.run(argv, check=True)
    return path
