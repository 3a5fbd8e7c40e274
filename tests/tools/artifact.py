# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users get it: built, installed where nothing else is, and looked at there."""

from __future__ import annotations

import json
import shutil
import subprocess
import typing as t
from pathlib import Path

from .paths import CACHE, ROOT, VENV, environment, source_files
from .report import Count, of_tool

if t.TYPE_CHECKING:
    from .steps import Shell

COLLECTION = Path("ansible_collections/mixed_lb/stack")
# Everything that may lie at the top of the installed collection.
SHIPPED = {
    *("ARCHITECTURE.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
    *("FILES.json", "MANIFEST.json", "site.yml"),
    *("changelogs", "docs", "inventories", "meta", "playbooks", "plugins", "roles"),
}


def copy_sources(base: Path, *, shipped: bool = False) -> Path:
    """Copy the source files to where ansible-test and ansible-galaxy want a collection; returns its folder.

    With ``shipped``, only what users get, and what ansible-test has to know of it.
    """
    target = base / COLLECTION
    shutil.rmtree(target, ignore_errors=True)
    for path in source_files():
        if shipped and path.parts[0] not in {*SHIPPED, "galaxy.yml", ".gitignore"} and path != Path("tests/config.yml"):
            continue
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target / path, follow_symlinks=False)
    # ansible-test asks git for the files, and would find the checkout around, which ignores this copy.
    subprocess.run(["git", "init", "--quiet", target], check=True)
    return target


def check_artifact(shell: Shell) -> Count:
    """Build the collection, install it offline, and compare what ansible-doc lists with the sources. One test."""
    base = CACHE / "artifact"
    shutil.rmtree(base, ignore_errors=True)
    source, installed, galaxy = copy_sources(base / "source"), base / "installed", VENV / "bin/ansible-galaxy"
    env = environment(ANSIBLE_COLLECTIONS_PATH=str(installed), ANSIBLE_HOME=str(base / "home"))
    if shell.call([galaxy, "collection", "build", "--output-path", base], env, source) != 0:
        return of_tool(1)
    (archive,) = base.glob("*.tar.gz")
    if shell.call([galaxy, "collection", "install", "--offline", "-p", installed, archive], env) != 0:
        return of_tool(1)
    faults = [
        f"{path.name} is in the artifact: add it to build_ignore in galaxy.yml"
        for path in sorted((installed / COLLECTION).iterdir())
        if path.name not in SHIPPED
    ]
    for kind, expected in _documented().items():
        listed = _listed(kind, env)
        shell.say(f"ansible-doc lists {len(listed)} of {len(expected)} {kind}s")
        faults += [f"ansible-doc does not list {kind} {name} of the artifact" for name in sorted(expected - listed)]
    for fault in faults:
        shell.say(fault)
    return of_tool(len(faults))


def _documented() -> dict[str, set[str]]:
    files = source_files()
    return {
        "module": {path.stem for path in files if path.parent == Path("plugins/modules")},
        "filter": {path.stem for path in files if path.parent == Path("plugins/filter") and path.suffix == ".yml"},
        "role": {
            path.parts[1]
            for path in files
            if path.match("roles/*/meta/argument_specs.yml") and path.parts[0] == "roles"
        },
    }


def _listed(kind: str, env: dict[str, str]) -> set[str]:
    argv = [str(VENV / "bin/ansible-doc"), "--type", kind, "--list", "--json", "mixed_lb.stack"]
    listing = subprocess.run(argv, env=env, cwd=CACHE, check=True, capture_output=True, text=True).stdout
    return {name.removeprefix("mixed_lb.stack.") for name in json.loads(listing)}
