# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of ./test: which steps each consists of."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

from . import cores, report
from .artifact import check_artifact
from .cores import CORES, MAIN, Core
from .paths import CACHE, JUNIT, ROOT, environment, shell_scripts
from .sanity import check_sanity
from .steps import Shell, Step, passthrough, skip, tool


def unit() -> list[Step]:
    """pytest on every version of ansible-core, those first where it takes longest, and the report's page in a browser."""

    def run(core: Core, venv: Path, shell: Shell) -> report.Count:
        junit = _fresh(CACHE / f"unit/{core.name}.xml")
        argv: list[str | Path] = [venv / "bin/python", "-m", "pytest", "-q", "--tb=short", f"--junit-xml={junit}"]
        left = [*([] if core in cores.PLAYED else ["plays"]), *([] if core in cores.PYTHONS else ["pure"])]
        argv += ["-m", " and ".join(f"not {mark}" for mark in left)] if left else []
        return report.of_suite(shell.call(argv, environment(venv)), [junit])

    def browser(shell: Shell) -> report.Count:
        junit = _fresh(CACHE / "unit/browser.xml")
        argv = [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--junit-xml={junit}", "tests/browser"]
        return report.of_suite(shell.call(argv), [junit])

    versions = sorted(CORES, key=lambda core: core not in cores.PLAYED)
    return [*_on_every_core("unit", run, versions), Step("unit browser", browser)]


def sanity() -> list[Step]:
    """ansible-test sanity on every version of ansible-core."""
    return _on_every_core("sanity", check_sanity)


def lint() -> list[Step]:
    """Everything that reads the files without running them, and the build of the artifact."""
    return [
        tool("ansible-lint", ["ansible-lint", "--offline", "--nocolor"]),
        tool("yamllint", ["yamllint", "--strict", "."]),
        tool("ruff check", ["ruff", "check", "--output-format=concise", "."]),
        tool("ruff format", ["ruff", "format", "--check", "--output-format=concise", "."]),
        tool("mypy", ["mypy", *_mypy_packages()]),
        tool("shellcheck", ["shellcheck", "--external-sources", *shell_scripts()]),
        tool("changelog", ["antsibull-changelog", "lint"]),
        tool(
            "docs",
            ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=self", "."],
        ),
        tool("docs site", [ROOT / "docs/site/build"]),
        Step("artifact", check_artifact),
    ]


def molecule(names: t.Sequence[str]) -> Step:
    """Scenarios in the lab; without names, all."""
    return _scenarios("molecule", names)


def drills() -> Step:
    """What is too long for every day."""
    return _scenarios("drills", ["drills"])


def _scenarios(what: str, names: t.Sequence[str]) -> Step:
    """The lab's own command runs them and leaves JUnit files in JUNIT."""

    def run(shell: Shell) -> report.Count:
        for stale in JUNIT.glob("*.xml"):
            stale.unlink()
        return report.of_suite(passthrough([ROOT / "lab/run-scenarios", *names]), JUNIT.glob("*.xml"))

    return Step(what, run)


def _on_every_core(
    what: str, run: t.Callable[[Core, Path, Shell], report.Count], versions: t.Iterable[Core] = CORES
) -> list[Step]:
    def step(core: Core) -> Step:
        name = f"{what} {core.name}"
        python = Path(sys.executable) if core is MAIN else cores.find_python(core)
        if python is None:
            return skip(name, f"ansible-core {core.name} needs Python {core.pythons}, and none was found")
        return Step(name, lambda shell: run(core, cores.make_venv(core, python, shell), shell))

    return [step(core) for core in versions]


def _mypy_packages() -> list[str]:
    """The packages whose types are checked, as arguments for mypy: those that exist."""
    base = "ansible_collections.mixed_lb.stack.plugins"
    packages = {
        ROOT / "plugins/module_utils": f"{base}.module_utils",
        ROOT / "plugins/plugin_utils": f"{base}.plugin_utils",
        ROOT / "bench": "bench",
        ROOT / "lab": "lab",
        ROOT / "tests/tools": "tools",
    }
    return [word for path, name in packages.items() if next(path.rglob("*.py"), None) for word in ("-p", name)]


def _fresh(file: Path) -> Path:
    """``file`` without what an earlier run left in it, its folder made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    return file
