# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``bench/run [--rounds N] [PART ...]``: measure, print, and write the sections of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import typing as t

from lab import kernels

from . import director, page, plan, proxies, site, table


class Part(t.NamedTuple):
    """A section of the page: ``measure`` is given how often to measure, and returns Markdown; ``lab``: in the lab."""

    title: str
    measure: t.Callable[[int], str]
    lab: bool = True


PARTS = {
    "plan": Part("The plan of a large stack", plan.measure, lab=False),
    "director": Part("What a request costs the balancer", director.measure),
    "proxies": Part("nginx and HAProxy beside the distribution's configuration", proxies.measure, lab=False),
    "table": Part("The modules", table.measure),
    "site": Part("site.yml on six hosts", site.measure_six),
    "hybrid": Part("site.yml on a whole hybrid", site.measure_hybrid),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured; default 3")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}: the parts are {', '.join(PARTS)}")
    # what the blocks of a measurement leave behind in order is left so, too, where something else ends it
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    titles = [part.title for part in PARTS.values()]
    for name in arguments.parts or PARTS:
        part = PARTS[name]
        load = os.getloadavg()[0]
        found = part.measure(arguments.rounds)
        machine = page.machine(load, kernels.get("fast").version if part.lab else "")
        section = page.wrapped(f"`bench/run {name}`, {machine}; medians of {arguments.rounds}.\n\n{found}")
        print(f"## {part.title}\n\n{section}", flush=True)
        page.write(page.PATH, titles, part.title, section)


if __name__ == "__main__":
    main()
