# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity: its directory layout, its pip, and its state, all below .cache of the checkout."""

from __future__ import annotations

import re
import shutil
import subprocess
import typing as t
from pathlib import Path

from . import cores
from .artifact import copy_sources
from .paths import CACHE, environment
from .report import Count, of_suite

if t.TYPE_CHECKING:
    from .steps import Shell


def check_sanity(core: cores.Core, venv: Path, shell: Shell) -> Count:
    """Run every sanity test of one ansible-core on a copy of the sources; each counts one."""
    base = CACHE / "sanity" / core.name
    # ansible-test keeps everything under the home directory: here, one that belongs to the checkout.
    home = base / "home"
    _provide_pip(core, venv, home, shell)
    # Tests and lab run with the main version only, so the others read what users get.
    copy = copy_sources(base, shipped=core is not cores.MAIN)
    env = environment(venv, HOME=str(home))
    argv: list[str | Path] = [venv / "bin/ansible-test", "sanity", "--junit"]
    if core is cores.MAIN:
        # What managed hosts import is imported by every Python that may be there.
        env["PATH"] = ":".join([env["PATH"], *map(str, cores.other_pythons())])
    else:
        argv += ["--python", venv_python(venv)]
    return of_suite(shell.call(argv, env, copy), (copy / "tests/output/junit").glob("*.xml"))


def venv_python(venv: Path) -> str:
    """The Python of an environment, as in ``3.11``."""
    return next((venv / "lib").glob("python3.*")).name.removeprefix("python")


def _provide_pip(core: cores.Core, venv: Path, home: Path, shell: Shell) -> None:
    """Give ansible-test, under ``home``, the pip that it wants, from where this machine's pip gets everything.

    By itself it downloads a script from a server of its own, which machines behind a package mirror do not reach.
    """
    cache = home / ".ansible/test/cache"
    script = cache / f"get_pip_{core.pip.replace('.', '_')}.py"
    cache.mkdir(parents=True, exist_ok=True)
    download: list[str | Path] = [
        venv / "bin/pip",
        "download",
        "-qq",
        "--no-deps",
        "--dest",
        str(cache),
        f"pip=={core.pip}",
    ]
    if not list(cache.glob(f"pip-{core.pip}-*.whl")) and shell.call(download) != 0:
        raise RuntimeError(f"no pip {core.pip} for ansible-test: see above")
    shutil.copy(Path(__file__).with_name("get_pip.py"), script)
    _copy_pip_settings(venv, home)


def _copy_pip_settings(venv: Path, home: Path) -> None:
    """Write down what pip is told here: ansible-test hides the environment from it, and ``home`` is not the user's."""
    argv = [str(venv / "bin/pip"), "config", "list"]
    listing = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    # Lines as in global.timeout='60' and :env:.cert='/a/file'; the environment is listed first, but wins.
    found = re.findall(r"^(.+?)\.([^.=]+)='(.*)'$", listing, re.MULTILINE)
    settings = {key: value for origin, key, value in reversed(found) if origin in ("global", "install", ":env:")}
    settings |= {"quiet": "2", "cache-dir": str(CACHE / "pip")}
    config = home / ".config/pip/pip.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {value}\n".replace("\\n", "\n    ") for key, value in settings.items()]
    config.write_text("".join(["[global]\n", *lines]))
