# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./test [unit|lint|sanity|molecule [SCENARIO ...]|all]

  unit      pytest on every supported ansible-core for which this machine has a Python
  lint      ansible-lint, yamllint, ruff, mypy, shellcheck, the documentation, the built artifact
  sanity    ansible-test sanity on the same versions as unit
  molecule  the scenarios in the lab: the named ones, or all
  all       everything above (the default)

Ends with "N passed, N failed, N skipped" over every test of pytest, of ansible-test and of the scenarios; a tool
without tests of its own counts as one test. Exit code: 0 where nothing failed, 1 where something did, 2 for a
command line that is not understood.
"""

from __future__ import annotations

import sys
import time

from . import report, suites


def main(arguments: list[str]) -> int:
    """Run what the command line names; returns the exit code."""
    part, *names = arguments or ["all"]
    if part in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    parts = {"unit": suites.unit, "lint": suites.lint, "sanity": suites.sanity}
    if part not in (*parts, "molecule", "all") or (names and part != "molecule"):
        print(f"error: ./test {' '.join(arguments)} is not understood: see ./test --help", file=sys.stderr)
        return 2
    begin = time.monotonic()
    outcomes = [outcome for name, run in parts.items() if part in (name, "all") for outcome in run()]
    if part in ("molecule", "all"):
        outcomes += suites.molecule(names)
    print(report.summary(outcomes, time.monotonic() - begin), flush=True)
    return 1 if report.total(outcomes).failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("interrupted")
