# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``docs/benchmarks.md``: a section for each part, written anew by the part's own run and by no other."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import pathlib
import platform
import re
import textwrap

PATH = pathlib.Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
WIDTH = 120
HEAD = """\
# Benchmarks

Written by `bench/run`; `bench/run PART` measures one section again. Each section says when and on what it was measured,
and how busy the machine was with other things: the load is that of the minute before. Where it is above 1, seconds,
requests a second and p99 are those of a machine that others used, too, and may be several times better on one that they
do not: ratios, CPU times, counts and memory are what such a section is good for.

In the lab, hosts are user-mode Linux kernels. These make system calls, page faults and forks many times dearer than they
are on real machines, and networks too: there the ratios are what counts, not the numbers.
"""


def write(path: pathlib.Path, titles: list[str], title: str, section: str) -> None:
    """Put the section ``title`` into the page in the place that ``titles`` gives it; those of other titles stay as they are."""
    parts = sections(path.read_text(encoding="utf-8")) if path.exists() else {}
    parts[title] = section
    found = [f"## {name}\n\n{parts[name].strip()}\n" for name in titles if name in parts]
    path.write_text("\n".join([HEAD, *found]), encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """The body of each section of a page by its title."""
    _head, *rest = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def wrapped(section: str) -> str:
    """The section with lines of up to 120 characters; tables, headings and pictures as they are."""
    fill = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False).fill
    blocks = section.strip().split("\n\n")
    return "\n\n".join(block if block[0] in "|#!-" else fill(block) for block in blocks) + "\n"


def machine(load: float, kernel: str) -> str:
    """When and on what something was measured.

    ``load``: that of the machine before it began; ``kernel``: version of the lab's hosts, empty where there were none.
    """
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    machine = f"{os.cpu_count()} cores of {processor}, load {load:.1f} before"
    programs = f"Python {platform.python_version()}, ansible-core {importlib.metadata.version('ansible-core')}"
    hosts = f", hosts on user-mode Linux {kernel}" if kernel else ""
    return f"{datetime.date.today()}, {machine}; {programs}{hosts}"
