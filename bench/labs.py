# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of the benchmark's own, and Ansible in it as users run it: plain ssh, no plugins but the builtin ones."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
import time
import typing as t

from lab import cluster

PROJECT = pathlib.Path(__file__).resolve().parent.parent
COLLECTIONS = PROJECT / ".ansible" / "collections"
TOPOLOGIES = PROJECT / "bench" / "topologies"
FORKS = 10


def way_in(found: cluster.Lab) -> pathlib.Path:
    """The inventory that says how Ansible gets into the lab; given after the one that describes the hosts."""
    return found.folder / "inventory.yml"


@contextlib.contextmanager
def lab(topology: pathlib.Path) -> t.Iterator[cluster.Lab]:
    """The lab `bench` with this topology, gone afterwards."""
    found = cluster.Lab(PROJECT / ".lab" / "bench")
    found.down()
    found.up(topology)
    try:
        yield found
    finally:
        found.down()


def put(found: cluster.Lab, host: str, path: str, content: bytes) -> None:
    """Write a file on a host."""
    subprocess.run(found.ssh(host, [f"mkdir -p {pathlib.Path(path).parent} && cat >{path}"]), input=content, check=True)


def environment(**more: str) -> dict[str, str]:
    """The environment of Ansible and of what imports the collection; pipelining and forks as the README advises."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(COLLECTIONS),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(PROJECT / ".ansible"),
        "ANSIBLE_FORKS": str(FORKS),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_NOCOLOR": "true",
        **more,
    }


def playbook(path: pathlib.Path, *inventories: pathlib.Path, **more: str) -> tuple[float, str]:
    """Seconds that a playbook took, and its output; ``more`` is for its environment."""
    sources = [f"--inventory={source}" for source in inventories]
    argv = ["ansible-playbook", *sources, str(path)]
    begin = time.monotonic()
    done = subprocess.run(argv, env=environment(**more), cwd=PROJECT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        raise RuntimeError(f"{path.name} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return seconds, done.stdout
