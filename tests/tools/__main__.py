# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./test [all | [unit] [lint] [sanity] [drills] [molecule [SCENARIO ...]]]

  unit      pytest on every supported ansible-core for which this machine has a Python (what plays long: on the oldest and newest;
            what never meets ansible-core: once for each Python)
  lint      ansible-lint, yamllint, ruff, mypy, shellcheck, the documentation, the built artifact
  sanity    ansible-test sanity on the same versions as unit
  drills    the first hybrid stack under load while everything in it dies once: docs/drills.md
  molecule  the scenarios in the lab: the named ones with all that they have, or those that fit into ./test
  all       everything above but drills (the default)

Ends with "N passed, N failed, N skipped" over every test of pytest, of ansible-test and of the scenarios; a tool
without tests of its own counts as one test. Exit code: 0 where nothing failed, 1 where something did, 2 for a
command line that is not understood.
"""

from __future__ import annotations

import sys
import time

from . import report, steps, suites

# These share the processors; the others have them alone.
SIMPLE = {"unit": suites.unit, "lint": suites.lint, "sanity": suites.sanity}
IN_LAB = ("molecule", "drills")


def main(arguments: list[str]) -> int:
    """Run what the command line names; returns the exit code."""
    if {"-h", "--help", "help"} & set(arguments):
        print(__doc__)
        return 0
    chosen, names = _understand(arguments or ["all"])
    if not chosen:
        print(f"error: ./test {' '.join(arguments)} is not understood: see ./test --help", file=sys.stderr)
        return 2
    begin = time.monotonic()
    outcomes = steps.run_all([step for part in chosen if part in SIMPLE for step in SIMPLE[part]()])
    for part in chosen:
        if part in IN_LAB:
            outcomes.append(steps.run_one(suites.drills() if part == "drills" else suites.molecule(names)))
    print(report.summary(outcomes, time.monotonic() - begin), flush=True)
    return 1 if report.total(outcomes).failed else 0


def _understand(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The parts to run and the scenarios' names; no parts where a word is unknown."""
    if arguments == ["all"]:
        return [*SIMPLE, "molecule"], []
    parts, names = arguments, []
    if "molecule" in arguments:
        end = arguments.index("molecule")
        parts, names = arguments[: end + 1], arguments[end + 1 :]
    known = set(parts) <= {*SIMPLE, *IN_LAB}
    return (parts if known else []), names


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RuntimeError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
