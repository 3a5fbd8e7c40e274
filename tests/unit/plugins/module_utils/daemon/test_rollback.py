# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: to what was there before a run, by what the host has kept alone."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon import app, history
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.app import Wanted, apply
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.model import Check, DaemonProblem, File, Probe
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.probe import wait_for
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.rollback import roll_back
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Command
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.daemon.fake_daemon import FOLDER, FakeDaemon
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles

MAIN, PART = f"{FOLDER}/main.conf", f"{FOLDER}/part"
PROBES = (Probe(argv=("ask", MAIN), expects="@generation@"),)


def lay_down(host: FakeDaemon, run: str, text: str, **more: str) -> None:
    files = {MAIN: File(f"{text} @generation@"), **{f"{FOLDER}/{name}": File(it) for name, it in more.items()}}
    apply(Wanted("edge", "app.service", (FOLDER,), files, (Check(("appd",)),), PROBES, 0, run=run), host.host)


@pytest.fixture
def host() -> FakeDaemon:
    """Three runs, and a change in between that is of no run."""
    made = FakeDaemon(MemoryFiles({}))
    lay_down(made, "1", "one")
    lay_down(made, "2", "two", part="x")
    lay_down(made, "", "two drained", part="x")
    lay_down(made, "3", "three")
    return made


def text(host: FakeDaemon) -> str:
    return (host.running or {})[MAIN].rpartition(" ")[0]


def test_back_to_what_ran_before_a_run_and_further_by_the_next_one(host: FakeDaemon) -> None:
    outcome = roll_back("edge", "3", host.host)
    assert outcome is not None and outcome.actions == ["reload"]
    assert text(host) == "two drained" and PART in (host.running or {})
    assert roll_back("edge", "3", host.host) is None
    assert roll_back("edge", "2", host.host) is not None
    assert text(host) == "one" and PART not in (host.running or {})
    assert roll_back("edge", "1", host.host) is None
    assert text(host) == "one"


def test_the_description_can_be_applied_again_and_rolled_back_again(host: FakeDaemon) -> None:
    roll_back("edge", "3", host.host)
    lay_down(host, "4", "three")
    assert text(host) == "three"
    assert history.runs(host.files) == {"edge": {"run": "4", "earlier": ["1", "2"]}}
    roll_back("edge", "4", host.host)
    assert text(host) == "two drained"


def test_what_another_run_has_laid_down_stays(host: FakeDaemon) -> None:
    before = dict(host.files.content)
    assert roll_back("edge", "2", host.host) is None
    assert roll_back("nobody", "3", host.host) is None
    assert host.files.content == before


def test_a_way_back_that_fails_leaves_all_as_it_was(host: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def asks_once(probes: tuple[Probe, ...], generation: str, _timeout: float, command: Command) -> None:
        wait_for(probes, generation, 0, command)

    monkeypatch.setattr(app, "wait_for", asks_once)
    for name in host.files.names(f"{history.FOLDER}/edge.d"):
        path = f"{history.FOLDER}/edge.d/{name}"
        host.files.content[path] = host.files.content[path].replace('"two drained ', '"bad ')
    before, running = dict(host.files.content), host.running
    with pytest.raises(DaemonProblem, match="syntax error"):
        roll_back("edge", "3", host.host)
    assert (host.files.content, host.running) == (before, running)
    path = f"{history.FOLDER}/edge.d/000002.json"
    host.files.content[path] = host.files.content[path].replace('"bad ', '"refused ')
    with pytest.raises(DaemonProblem, match="The configuration from before is back"):
        roll_back("edge", "3", host.host)
    assert text(host) == "three"


def test_check_mode_predicts(host: FakeDaemon) -> None:
    host.files.read_only = True
    predicted = roll_back("edge", "3", host.host, check_only=True)
    host.files.read_only = False
    done = roll_back("edge", "3", host.host)
    assert predicted is not None and done is not None and predicted.changes == done.changes != ()


def test_who_was_cut_off_goes_on(host: FakeDaemon) -> None:
    host.dies_at = "reload"
    with pytest.raises(KeyboardInterrupt):
        roll_back("edge", "3", host.host)
    host.dies_at = None
    assert roll_back("edge", "3", host.host) is not None
    assert text(host) == "two drained"
    assert roll_back("edge", "3", host.host) is None


def test_repaired_drift_is_no_configuration_of_its_own(host: FakeDaemon) -> None:
    host.files.write(MAIN, "by hand", 0o644)
    lay_down(host, "5", "three")
    assert history.runs(host.files)["edge"] == {"run": "3", "earlier": ["1", "2"]}


def test_records_of_older_versions_are_read(host: FakeDaemon) -> None:
    """They have no checks and probes of their own."""
    path = history.path("edge")
    old = json.loads(host.files.content[path])
    for key in ("run", "folders", "checks", "probes"):
        del old[key]
    host.files.content[path] = json.dumps(old)
    assert history.runs(host.files)["edge"]["run"] == ""
    assert history.current("edge", host.files) is not None
