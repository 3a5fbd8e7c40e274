# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Python files reach for, read from their syntax trees: imports, programs run, files written."""

from __future__ import annotations

import ast
import functools
import typing as t
from pathlib import Path

from .paths import ROOT

COLLECTION = "ansible_collections.mixed_lb.stack."
# All that a pure file may import from elsewhere: none of it touches anything outside the process.
HARMLESS = {
    *(
        "__future__",
        "abc",
        "collections",
        "copy",
        "csv",
        "dataclasses",
        "datetime",
        "difflib",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "html",
    ),
    *("ipaddress", "itertools", "json", "math", "operator", "re", "shlex", "string", "textwrap", "types"),
    *("typing", "urllib.parse", "zlib"),
}
IMPURE_BUILTINS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
RUNNERS = {"subprocess", "pty", "multiprocessing", "asyncio", "pexpect", "ctypes"}
RUN_CALLS = {"run_command", "system", "popen", "fork", "forkpty", "startfile"}
RUN_PREFIXES = ("exec", "spawn", "posix_spawn")
WRITERS = {"shutil", "tempfile", "fileinput"}
WRITE_METHODS = {
    *("write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "atomic_move"),
    *("unlink", "mkdir", "rmdir", "rename", "chmod", "lchmod"),
}
OS_WRITES = {
    *("chmod", "chown", "lchown", "link", "makedirs", "mkdir", "mkfifo", "mknod", "open", "remove", "removedirs"),
    *("rename", "renames", "replace", "rmdir", "symlink", "truncate", "unlink", "utime", "write"),
}


@functools.cache
def imports(path: Path) -> tuple[str, ...]:
    """Absolute names of the modules that a file imports when it runs; what only type checkers see is left out."""
    return tuple(_imports(_tree(path).body, path))


def _imports(nodes: t.Iterable[ast.AST], path: Path) -> t.Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = (ROOT / path).relative_to(ROOT).parts[: -node.level]
                base = COLLECTION + ".".join([*package, *filter(None, [base])])
            # from .package import module: a name may be a module of its own
            yield from (f"{base}.{alias.name}" if file_of(f"{base}.{alias.name}") else base for alias in node.names)
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield from _imports(ast.iter_child_nodes(node), path)


@functools.cache
def file_of(module: str) -> Path | None:
    """The file, relative to ROOT, of a module of this collection."""
    if not module.startswith(COLLECTION):
        return None
    path = Path(*module.removeprefix(COLLECTION).split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if (ROOT / candidate).is_file()), None)


def impurities(path: Path) -> list[str]:
    """Why a file is not pure, the files of the collection that it imports included; empty where it is."""
    found: list[str] = []
    seen, ahead = {path}, [path]
    while ahead:
        file = ahead.pop()
        found += _own_impurities(file)
        imported = {target for name in imports(file) if (target := file_of(name))}
        ahead += imported - seen
        seen |= imported
    return sorted(found)


@functools.cache
def _own_impurities(path: Path) -> list[str]:
    strangers = {name for name in imports(path) if not file_of(name) and not {name, name.partition(".")[0]} & HARMLESS}
    return [f"{path} imports {name}" for name in sorted(strangers)] + [
        f"{path}:{node.lineno} calls {node.func.id}()"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS
    ]


def programs_run(path: Path) -> list[str]:
    """Where a file runs a program, or could."""
    found = [f"{path} imports {name}" for name in imports(path) if name.partition(".")[0] in RUNNERS]
    for call, owner, name in _method_calls(path):
        if name in RUN_CALLS or (owner == "os" and name.startswith(RUN_PREFIXES)):
            found.append(f"{path}:{call.lineno} calls {owner}.{name}()")
    return found


def files_written(path: Path) -> list[str]:
    """Where a file writes, or could."""
    found = [f"{path} imports {name}" for name in imports(path) if name.partition(".")[0] in WRITERS]
    for call, owner, name in _method_calls(path):
        writes = name in WRITE_METHODS or (owner == "os" and name in OS_WRITES)
        if writes or (name == "open" and owner != "os" and _may_write(call, position=0 if owner else 1)):
            found.append(f"{path}:{call.lineno} calls {owner}.{name}()".replace(" .", " "))
    return found


def _may_write(call: ast.Call, position: int) -> bool:
    """Whether the mode of an open() is anything but a constant that only reads."""
    modes = call.args[position : position + 1] + [word.value for word in call.keywords if word.arg == "mode"]
    return any(not isinstance(mode, ast.Constant) or set("wax+") & set(str(mode.value)) for mode in modes)


def _method_calls(path: Path) -> t.Iterator[tuple[ast.Call, str, str]]:
    """Calls with what they are called on and by what name, as it is where it comes from; the former is empty for a plain function."""
    names = _imported_names(path)
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            yield node, names.get(owner, owner), node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            owner, _dot, name = names.get(node.func.id, node.func.id).rpartition(".")
            yield node, owner, name


def _imported_names(path: Path) -> dict[str, str]:
    """What a file calls modules, and what is in them, with the names that these have themselves."""
    found = {}
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), filename=str(path))
