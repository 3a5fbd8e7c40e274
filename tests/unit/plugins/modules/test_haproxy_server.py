# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' own part: options in, results out, errors as one message."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.plugins.modules import haproxy_info, haproxy_server
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.haproxy.fake_haproxy import (
    FakeHaproxy,
    FakeServer,
)
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import run_module

SAVE = ["haproxy-save-state", "/run/haproxy/admin.sock", "/var/lib/haproxy/mixed_lb.state"]


class Host:
    """A host with the saver, and the programs that were run on it."""

    def __init__(self) -> None:
        self.haproxy = FakeHaproxy()
        self.haproxy.servers["web1"] = FakeServer(3, "192.0.2.21", 80, weight=100)
        self.runs: list[list[str]] = []
        self.saved = Result(0, "", "")

    def run(self, argv: list[str]) -> Result:
        self.runs.append(argv)
        return self.saved


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    fake = Host()
    monkeypatch.setattr(haproxy_server, "over_socket", lambda path: fake.haproxy)
    monkeypatch.setattr(haproxy_server.command, "locate", lambda module, program: f"/usr/local/sbin/{program}")
    monkeypatch.setattr(haproxy_server.command, "on_host", lambda module: fake.run)
    return fake


def run(**options: t.Any) -> dict[str, t.Any]:
    return run_module(haproxy_server.main, **options)


def test_the_examples_run(host: Host) -> None:
    tasks = yaml.safe_load(haproxy_server.EXAMPLES)
    drain, ready, add, remove = (
        task["mixed_lb.stack.haproxy_server"] for task in tasks if "mixed_lb.stack.haproxy_server" in task
    )
    told = run(**drain, _ansible_check_mode=True)
    done = run(**drain)
    assert told["commands"] == done["commands"] == ["set server web/web1 state drain"]
    assert told["diff"] == done["diff"] and done["diff"]["after"]["state"] == "drain"
    assert told["idle"] is None and done["idle"] is True and done["sessions"] == 0
    assert host.runs == [SAVE]
    assert not run(**drain)["changed"] and host.runs == [SAVE]
    assert run(**ready)["after"] == {"address": "192.0.2.21", "port": 80, "state": "ready", "weight": 50}
    assert run(**add)["before"] is None and "web9" in host.haproxy.servers
    assert run(**remove)["after"] is None and "web9" not in host.haproxy.servers
    assert not run(**remove)["changed"]


def test_what_is_left_is_told(host: Host) -> None:
    host.haproxy.servers["web1"].sessions = 2
    result = run(backend="web", server="web1", state="drain")
    assert (result["sessions"], result["idle"]) == (2, False)
    assert "web/web1: 2 sessions open, 0 requests queued" in json.dumps(result["warnings"])


def test_a_state_that_cannot_be_saved_is_a_warning(host: Host) -> None:
    host.saved = Result(1, "", "disk full\n")
    assert "a crash would forget this change: disk full" in json.dumps(
        run(backend="web", server="web1", weight=3)["warnings"]
    )


def test_errors_are_one_message(host: Host) -> None:
    assert run(backend="web", server="no", state="maint")["msg"].startswith("there is no server web/no")
    assert "port" in run(backend="web", server="web1", port=80)["msg"]


def test_without_haproxy_only_check_mode_goes_on() -> None:
    options = {"backend": "web", "server": "web1", "state": "drain", "socket": "/nowhere/s"}
    assert "HAProxy does not listen at /nowhere/s" in run(**options)["msg"]
    result = run(**options, _ansible_check_mode=True)
    assert not result["changed"] and "What would change cannot be told" in json.dumps(result["warnings"])
    found = run_module(haproxy_info.main, socket="/nowhere/s")
    assert found["running"] is False and found["backends"] == []


def test_info_fails_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haproxy_info, "over_socket", lambda path: lambda command: "Unknown command.\n")
    assert "these are no statistics: 'Unknown command.'" in run_module(haproxy_info.main)["msg"]
