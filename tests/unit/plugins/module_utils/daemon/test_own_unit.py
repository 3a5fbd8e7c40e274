# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scope that brings the unit itself: it comes before it is started, and goes after it was stopped."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon import probe
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.app import Host, Wanted, apply
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.model import DaemonProblem, File
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.units import FOLDER as UNITS
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.daemon.fake_daemon import FOLDER, FakeDaemon
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles

UNIT = f"{UNITS}/app.service"
FILES = {UNIT: File("[Service]"), f"{FOLDER}/main.conf": File("new")}


class OwnUnit(FakeDaemon):
    """A unit exists for systemd from the reading of its file on, and until it is read that there is none."""

    def __init__(self, name: str = "app.service", files: MemoryFiles | None = None) -> None:
        super().__init__(files or MemoryFiles(), enabled=False, installed=False)
        self.path = f"{UNITS}/{name}"

    def _systemctl(self, verb: str) -> Result:
        if verb == "daemon-reload":
            self.installed = self.path in self.files.content
        elif not self.installed or (verb == "disable" and self.path not in self.files.content):
            return Result(5, "", f"Unit file {self.path} does not exist: {verb}")
        return super()._systemctl(verb)


def wanted(files: t.Mapping[str, File], **more: t.Any) -> Wanted:
    return Wanted("checker", "app.service", (), files, **more)


def test_it_comes_and_goes() -> None:
    host = OwnUnit()
    assert apply(wanted(FILES), host.host, check_only=True).warnings == []
    assert apply(wanted(FILES), host.host).actions == ["enable", "start"]
    assert host.running == {f"{FOLDER}/main.conf": "new"} and host.enabled
    assert not apply(wanted(FILES), host.host).changed
    apply(wanted({}), host.host)
    assert host.running is None and not host.enabled and not host.files.content and not host.installed


@pytest.mark.parametrize("text", ["fatal", "refused"])
def test_what_fails_leaves_nothing(text: str) -> None:
    host = OwnUnit()
    probes = (probe.Probe(argv=("ask", f"{FOLDER}/main.conf"), expects=f"^{text}$"),)
    with pytest.raises(DaemonProblem, match="from before is back"):
        apply(wanted({**FILES, f"{FOLDER}/main.conf": File(text)}, probes=probes, probe_timeout=0), host.host)
    assert host.running is None and not host.enabled and not host.files.content


class TwoUnits:
    """A host with units that scopes bring; each is a daemon of its own over the same files."""

    def __init__(self) -> None:
        self.files = MemoryFiles()
        self.units = {name: OwnUnit(name, self.files) for name in ("app.service", "new.service")}

    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        if list(argv[-2:]) == ["systemctl", "daemon-reload"]:
            for unit in self.units.values():
                unit(argv)
            return Result(0, "", "")
        return self.units.get(argv[-1], self.units["app.service"])(argv, stdin)

    @property
    def host(self) -> Host:
        return Host(self, self.files, lambda program: f"/usr/sbin/{program}")

    def look(self) -> dict[str, tuple[bool, bool]]:
        """Which run, and which are enabled."""
        return {name: (unit.running is not None, unit.enabled) for name, unit in self.units.items()}


OLD, NEW = Wanted("files", "app.service", (), {UNIT: File("old")}), f"{UNITS}/new.service"


def moved(text: str, **more: t.Any) -> Wanted:
    return Wanted("files", "new.service", (), {NEW: File("new"), f"{FOLDER}/main.conf": File(text)}, **more)


def test_a_scope_that_wants_another_unit_leaves_the_old_one() -> None:
    host = TwoUnits()
    apply(OLD, host.host)
    predicted = apply(moved("fine"), host.host, check_only=True)
    assert host.look() == {"app.service": (True, True), "new.service": (False, False)}
    done = apply(moved("fine"), host.host)
    assert done.actions == predicted.actions == ["stop", "disable", "enable", "start"]
    assert done.changes == predicted.changes
    assert host.look() == {"app.service": (False, False), "new.service": (True, True)}
    assert UNIT not in host.files.content
    assert not apply(moved("fine"), host.host).changed
    apply(dataclasses.replace(moved("fine"), files={}), host.host)
    assert host.look() == {"app.service": (False, False), "new.service": (False, False)} and not host.files.content


def test_the_old_unit_is_back_where_the_new_one_fails() -> None:
    host = TwoUnits()
    apply(OLD, host.host)
    with pytest.raises(DaemonProblem):
        apply(moved("fatal"), host.host)
    assert host.look() == {"app.service": (True, True), "new.service": (False, False)}
    assert host.files.content[UNIT] == "old" and NEW not in host.files.content
    assert not apply(OLD, host.host).changed
