# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import what, run programs and write files: the rules of ARCHITECTURE.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools import purity
from tools.paths import ROOT

PLUGINS = sorted(path.relative_to(ROOT) for path in ROOT.glob("plugins/**/*.py"))
PURE = [
    path
    for path in PLUGINS
    if path.parts[1] == "plugin_utils"
    or (path.parts[1] == "module_utils" and path.stem in ("model", "parse", "plan", "render"))
]


@pytest.mark.parametrize("path", PURE, ids=str)
def test_pure_files_are_pure(path: Path) -> None:
    assert purity.impurities(path) == []


@pytest.mark.parametrize("path", PLUGINS, ids=str)
def test_one_file_alone_runs_programs(path: Path) -> None:
    expected = path == Path("plugins/module_utils/system/command.py")
    assert bool(purity.programs_run(path)) == expected, purity.programs_run(path)


@pytest.mark.parametrize("path", PLUGINS, ids=str)
def test_one_file_alone_writes_files(path: Path) -> None:
    expected = path == Path("plugins/module_utils/system/files.py")
    assert bool(purity.files_written(path)) == expected, purity.files_written(path)


def probe(folder: Path, text: str) -> Path:
    file = folder / "probe.py"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "from pathlib import Path",
        "from ansible.errors import AnsibleError",
        "def f():\n    import socket",
        "open('/etc/passwd')",
        f"from {purity.COLLECTION}plugins.module_utils.system import files",
    ],
)
def test_impurity_is_found(tmp_path: Path, text: str) -> None:
    assert purity.impurities(probe(tmp_path, text))


def test_what_only_type_checkers_import_is_no_impurity(tmp_path: Path) -> None:
    assert purity.impurities(probe(tmp_path, "import typing as t\nif t.TYPE_CHECKING:\n    import os")) == []


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess",
        "import os\nos.system('true')",
        "import os as o\no.execv('/bin/true', [])",
        "from os import execv as run\nrun('/bin/true', [])",
        "m.run_command(['true'])",
    ],
)
def test_a_program_run_is_found(tmp_path: Path, text: str) -> None:
    assert purity.programs_run(probe(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "open('a', 'w')",
        "open('a', mode=m)",
        "p.open('ab')",
        "p.write_text('')",
        "p.unlink()",
        "p.mkdir(parents=True)",
        "p.rmdir()",
        "p.rename(b)",
        "p.chmod(0o600)",
        "os.rename(a, b)",
        "import os as o\no.remove(a)",
        "from os import remove\nremove(a)",
        "from os import remove as forget\nforget(a)",
    ],
)
def test_a_write_is_found(tmp_path: Path, text: str) -> None:
    assert purity.files_written(probe(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    ["open('a')", "open('a', 'rb')", "p.open()", "p.open('rb')", "s.replace('a', 'b')", "from os import stat\nstat(a)"],
)
def test_reading_is_no_write(tmp_path: Path, text: str) -> None:
    assert purity.files_written(probe(tmp_path, text)) == []
