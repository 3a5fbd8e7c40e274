# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host for the tests of the IPVS modules: kernel, files and clock in memory, under the real ``main``."""

from __future__ import annotations

import importlib
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import harness
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.app import Session
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.ipvs.fake_kernel import FakeKernel
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import run_module

MODULES = "ansible_collections.mixed_lb.stack.plugins.modules"


class Host:
    """``run`` a module here; ``naps`` are called in turn whenever it sleeps, and ``now`` is its clock."""

    def __init__(self) -> None:
        self.kernel = FakeKernel()
        self.files = self.kernel.files
        self.now = 0.0
        self.naps: list[t.Callable[[], object]] = []

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        if self.naps:
            self.naps.pop(0)()

    def run(self, name: str, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        main = importlib.import_module(f"{MODULES}.{name}").main

        def session(module: t.Any) -> Session:
            return Session(
                self.kernel,
                self.files,
                check=module.check_mode,
                warn=module.warn,
                clock=lambda: self.now,
                sleep=self.sleep,
            )

        writable = (self.kernel.read_only, self.files.read_only)
        self.kernel.lines.clear()
        if check:
            self.kernel.read_only = self.files.read_only = True
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(harness, "session", session)
            try:
                return run_module(main, _ansible_check_mode=check, _ansible_diff=True, **options)
            finally:
                self.kernel.read_only, self.files.read_only = writable

    def both(self, name: str, **options: t.Any) -> dict[str, t.Any]:
        """In check mode, then for real, which does what was predicted; a second run does nothing."""
        predicted = self.run(name, check=True, **options)
        real = self.run(name, **options)
        for field in ("changed", "commands", "before", "after", "diff"):
            assert predicted.get(field) == real.get(field), field
        again = self.run(name, **options)
        assert not again.get("changed") and not again.get("commands") and not again.get("diff"), again
        return real


def failure(result: t.Mapping[str, t.Any]) -> str:
    """The message of a failed run: one line, and no traceback."""
    assert result.get("failed"), result
    assert "\n" not in result["msg"] and "Traceback" not in str(result)
    return str(result["msg"])
