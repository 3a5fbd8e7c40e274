# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m bench [--rounds N] [table] [site]``: measure, print, and (when everything was measured) write the page."""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import platform
import subprocess
import sys

from lab import kernels

from . import labs, site, table
from .figures import markdown

PAGE = labs.PROJECT / "docs" / "benchmarks.md"
PARTS = {
    "table": (
        "The modules",
        """\
The time is that of a process on the host itself, taken there: for the module the file that Ansible sends (code and
options in one), run by Python from its start to its end, so with unpacking, imports, checking 10,000 destinations,
all its calls of `ipvsadm` and the reading back; without ssh and the controller. `ipvsadm -R` gets the same lines from a
file. Both begin with a fresh `ip_vs`, in turns. Memory is the peak of the module's process or of the largest of
its children. The 200 changes are whole runs of `ansible-playbook` from the controller instead.
""",
        table.measure,
    ),
    "site": (
        "site.yml",
        """\
One director and five real servers in direct routing (`bench/inventory`), packages unpacked before; whole runs of
`ansible-playbook` over plain ssh with pipelining. Every round begins with virgin hosts. The pings are run
by the same hosts, as many for each as it had tasks (the `ok` of the recap) in the run without change. Many of those
tasks check and include on the controller alone, so there is also a row of only as many pings as tasks ran on the host.
""",
        site.measure,
    ),
}


def machine() -> str:
    """What the figures were taken on."""
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    core = subprocess.run(
        [str(pathlib.Path(sys.executable).with_name("ansible")), "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.partition("\n")[0]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}; guests on user-mode Linux {kernels.get('fast').version}; {core}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run", description="Measures the modules and site.yml in the lab.")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[], help="all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured; default 3")
    arguments = parser.parse_args()
    wanted = arguments.parts or list(PARTS)
    page = [
        "# Benchmarks\n",
        f"Written by `bench/run` on {datetime.date.today()}: medians of {arguments.rounds} rounds, {machine()}.\n"
        "User-mode Linux makes system calls, page faults and forks many times dearer than they are on real machines,\n"
        "for the modules as for what they are compared with: the ratios are what counts.\n",
    ]
    for name in wanted:
        title, text, measure = PARTS[name]
        page += [f"## {title}\n", text, markdown(measure(arguments.rounds))]
        print(f"{page[-3]}\n{page[-1]}", flush=True)
    if wanted == list(PARTS):
        PAGE.write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
