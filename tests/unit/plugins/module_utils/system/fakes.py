# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts in memory, for tests: files, and the systemctl that enables units in them."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import typing as t

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.files import Attributes

WANTS = "/etc/systemd/system/multi-user.target.wants"


class MemoryFiles:
    """A ``FileStore`` over a dict; ``writes`` and ``removes`` list the paths touched, in order."""

    def __init__(self, content: t.Mapping[str, str] | None = None, *, read_only: bool = False) -> None:
        self.content = dict(content or {})
        self.links: set[str] = set()
        self.modes: dict[str, int] = {}
        self.kept: dict[str, Attributes] = {}
        self.writes: list[str] = []
        self.removes: list[str] = []
        self.read_only = read_only

    def read(self, path: str) -> str | None:
        return self.content.get(path)

    def attributes(self, path: str) -> Attributes | None:
        return self.kept.get(path, Attributes(0o644, "root", "root")) if path in self.content else None

    def write(self, path: str, content: str, mode: int = 0o644, owner: str = "", group: str = "") -> None:
        assert not self.read_only, f"write to {path} where none may be"
        self.content[path] = content
        self.modes[path] = mode
        self.kept[path] = Attributes(mode, owner or "root", group or "root")
        self.writes.append(path)

    def remove(self, path: str) -> None:
        assert not self.read_only, f"removal of {path} where none may be"
        self.links.discard(path)
        if self.content.pop(path, None) is not None:
            self.removes.append(path)

    def names(self, folder: str) -> list[str]:
        prefix = folder.rstrip("/") + "/"
        return sorted({p[len(prefix) :].split("/")[0] for p in [*self.content, *self.links] if p.startswith(prefix)})

    def is_link(self, path: str) -> bool:
        return path in self.links

    @contextlib.contextmanager
    def copies(self, folders: t.Sequence[str]) -> t.Iterator[dict[str, str]]:
        made = {folder: f"/copy/{number}" for number, folder in enumerate(folders)}
        read_only, touched = self.read_only, (len(self.writes), len(self.removes))
        self.read_only = False
        for folder, copy in made.items():
            for path, content in list(self.content.items()):
                if path.startswith(folder + "/"):
                    self.content[copy + path.removeprefix(folder)] = content
        try:
            yield made
        finally:
            self.content = {path: text for path, text in self.content.items() if not path.startswith("/copy/")}
            del self.writes[touched[0] :], self.removes[touched[1] :]
            self.read_only = read_only


class Cut(BaseException):
    """The power is gone."""


class Power:
    """What it is given to drive does so many things more, all together; the next one raises ``Cut`` instead."""

    def __init__(self, left: int) -> None:
        self.left = left

    def drives(self, thing: t.Any) -> t.Any:
        """``thing``, where a call of it, a write and a removal are things that are done."""
        power = self

        class Driven:
            def __call__(self, *words: t.Any) -> t.Any:
                return power.spend(thing, *words)

            def __getattr__(self, name: str) -> t.Any:
                found = getattr(thing, name)
                if name not in ("write", "remove"):
                    return found
                return functools.partial(power.spend, found)

        return Driven()

    def spend(self, action: t.Any, *words: t.Any) -> t.Any:
        if self.left == 0:
            raise Cut
        self.left -= 1
        return action(*words)


class FakeSystemctl:
    """A ``Command`` that knows ``systemctl`` only and keeps the links of a ``MemoryFiles`` true."""

    def __init__(self, files: MemoryFiles) -> None:
        self.files = files
        self.calls: list[list[str]] = []

    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        assert argv[0] == "systemctl", argv
        self.calls.append(list(argv))
        match argv[1:]:
            case ["daemon-reload"]:
                return Result(0, "", "")
            case ["enable", name]:
                self.files.links.add(f"{WANTS}/{name}")
                return Result(0, "", "")
            case ["disable", "--now", name]:
                self.files.links.discard(f"{WANTS}/{name}")
                return Result(0, "", "")
        return Result(1, "", f"Unknown command verb {argv[1]}.")


def run_module(main: t.Callable[[], None], **options: t.Any) -> dict[str, t.Any]:
    """Run a module's ``main`` with these options and return what it prints, as Ansible would read it."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)  # since ansible-core 2.19
        # A module is alone in its process: nothing warned before it, and no controller shows its warnings for it.
        patch.setattr(warnings, "_global_warnings", type(warnings._global_warnings)())
        if hasattr(warnings, "_internal"):  # since ansible-core 2.19
            patch.setattr(warnings._internal, "is_controller", False)
        main()
    result: dict[str, t.Any] = json.loads(out.getvalue())
    return result
