# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside the guest: times one program after the other there, so that no network and no ssh is in the figures.

``python3 guest.py ROUNDS`` in a folder with, for each shape, ``SHAPE.rules`` (what ``ipvsadm -R`` reads), ``SHAPE.py``
(the module with its options in it, as Ansible sends it) and ``SHAPE-one.py`` (the same with one weight changed).
Prints JSON: by shape and measurement a list of ``{seconds, megabytes, commands}``.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def measure(argv: list[str], stdin: str = os.devnull) -> dict[str, float]:
    """Wall time of a process and the peak memory of it or of the biggest of its children."""
    with open(stdin) as source, open(HERE / "out", "w") as out:
        begin = time.monotonic()
        process = subprocess.Popen(argv, stdin=source, stdout=out)
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    said = (HERE / "out").read_text().strip()
    if process.returncode != 0:
        sys.exit(f"{argv} failed: {said[-2000:]}")
    commands = len(json.loads(said)["commands"]) if said.startswith("{") else 0
    return {"seconds": seconds, "megabytes": usage.ru_maxrss / 1024, "commands": commands}


def empty() -> None:
    """An empty table in a fresh ip_vs: what was deleted lately slows down every add."""
    loaded = [line.split()[0] for line in pathlib.Path("/proc/modules").read_text().splitlines()]
    modules = [name for name in loaded if name.startswith("ip_vs_")] + ["ip_vs"] * ("ip_vs" in loaded)
    for command in (["ipvsadm", "-C"], *(["rmmod", name] for name in modules), ["modprobe", "ip_vs_wrr"]):
        subprocess.run(command, check=True)
    subprocess.run(["sync"], check=True)


def rounds(shape: str, count: int) -> dict[str, list[dict[str, float]]]:
    """Everything about one shape, in turns, so that a slow minute of the machine meets all of them."""
    rules, module, one = str(HERE / f"{shape}.rules"), str(HERE / f"{shape}.py"), str(HERE / f"{shape}-one.py")
    found: dict[str, list[dict[str, float]]] = {}
    for _round in range(count):
        empty()
        found.setdefault("bare -R", []).append(measure(["ipvsadm", "-R"], rules))
        empty()
        found.setdefault("module, empty table", []).append(measure(["python3", module]))
        found.setdefault("module, no change", []).append(measure(["python3", module]))
        found.setdefault("bare -Sn", []).append(measure(["ipvsadm", "-Sn"]))
        found.setdefault("module, one weight", []).append(measure(["python3", one]))
    return found


if __name__ == "__main__":
    print(json.dumps({path.stem: rounds(path.stem, int(sys.argv[1])) for path in sorted(HERE.glob("*.rules"))}))
