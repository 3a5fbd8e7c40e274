# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scope that brings the unit itself: it comes before it is started, and goes after it was stopped."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon import probe
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.app import Wanted, apply
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.model import DaemonProblem, File
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.units import FOLDER as UNITS
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.daemon.fake_daemon import FOLDER, FakeDaemon
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles

UNIT = f"{UNITS}/app.service"
FILES = {UNIT: File("[Service]"), f"{FOLDER}/main.conf": File("new")}


class OwnUnit(FakeDaemon):
    """A unit exists for systemd from the reading of its file on, and until it is read that there is none."""

    def __init__(self) -> None:
        super().__init__(MemoryFiles(), enabled=False, installed=False)

    def _systemctl(self, verb: str) -> Result:
        if verb == "daemon-reload":
            self.installed = UNIT in self.files.content
        elif not self.installed or (verb == "disable" and UNIT not in self.files.content):
            return Result(5, "", f"Unit file app.service does not exist: {verb}")
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
