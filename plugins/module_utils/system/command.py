# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file of the collection that runs a program on a managed host."""

from __future__ import annotations

import os
import subprocess
import typing as t

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class Result(t.NamedTuple):
    """What a program left behind: exit code, standard output, standard error."""

    rc: int
    out: str
    err: str


class Command(t.Protocol):
    """Runs programs."""

    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        """Run one; ``argv[0]`` is its bare name. Raises ``ProgramMissing`` where it is not installed."""


class ProgramMissing(Exception):
    """The program is not on the host; ``program`` is its name."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is not installed on this host")
        self.program = program


SBIN = ["/usr/local/sbin", "/usr/sbin", "/sbin"]


def locate(module: AnsibleModule, program: str) -> str | None:
    """The path of a program on the host, or None."""
    path: str | None = module.get_bin_path(program, opt_dirs=SBIN)
    return path


def on_host(module: AnsibleModule) -> Command:
    """The real thing: runs in the C locale, without a shell. Bytes that are no UTF-8 come through unharmed.

    Not ``module.run_command``: that forks the whole of Python for every program, which takes five times as long.
    """
    environment = {**os.environ, "LC_ALL": "C", "LANG": "C"}

    def run(argv: t.Sequence[str], stdin: str | None = None) -> Result:
        path = locate(module, argv[0])
        if path is None:
            raise ProgramMissing(argv[0])
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [path, *argv[1:]],
            input=stdin or "",
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="surrogateescape",
            env=environment,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run
