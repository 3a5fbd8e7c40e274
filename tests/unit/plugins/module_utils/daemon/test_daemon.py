# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of ``daemon_config`` on a fake daemon: what it runs is what was wanted, or what ran before."""

from __future__ import annotations

import dataclasses
import errno
import json
import socket
import threading
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon import app, history, probe
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.app import Wanted, apply
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.model import Check, DaemonProblem, File
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.wanted import wanted_of
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.files import FileProblem
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.daemon.fake_daemon import FOLDER, FakeDaemon
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles
from hypothesis import given
from hypothesis import strategies as st

MAIN, PART = f"{FOLDER}/main.conf", f"{FOLDER}/mixed_lb/part.conf"
VIRGIN = {MAIN: "distribution"}


def wanted(files: t.Mapping[str, str], scope: str = "edge", **more: t.Any) -> Wanted:
    made = {path: File(text) for path, text in files.items()}
    return Wanted(scope, "app.service", (FOLDER,), made, (Check(("appd", "-t"), "nonsense"),), **more)


def daemon(content: t.Mapping[str, str] | None = None, **more: t.Any) -> FakeDaemon:
    return FakeDaemon(MemoryFiles(VIRGIN if content is None else content), **more)


def test_first_run_starts_and_the_second_changes_nothing() -> None:
    host = daemon(enabled=False)
    outcome = apply(wanted({MAIN: "new", PART: "p"}), host.host)
    assert outcome.actions == ["enable", "start"] == host.verbs
    assert host.running == {MAIN: "new", PART: "p"} and host.enabled
    assert not apply(wanted({MAIN: "new", PART: "p"}), host.host).changed
    assert host.verbs == ["enable", "start"]


def test_a_running_daemon_is_reloaded_and_for_its_unit_restarted() -> None:
    host = daemon(active=True)
    assert apply(wanted({MAIN: "new"}), host.host).actions == ["reload"]
    drop_in = "/etc/systemd/system/app.service.d/mixed_lb.conf"
    open_files = "[Service]\nLimitNOFILE=9999\n"
    assert apply(wanted({MAIN: "new", drop_in: open_files}), host.host).actions == ["restart"]
    beside = "/etc/systemd/system/other.service.d/mixed_lb.conf"
    assert apply(wanted({MAIN: "new", drop_in: open_files, beside: open_files}), host.host).actions == ["reload"]
    assert host.verbs == ["reload", "daemon-reload", "restart", "daemon-reload", "reload"]


def test_when_it_comes_back_is_told_to_systemd_alone() -> None:
    host = daemon(active=True)
    drop_in = "/etc/systemd/system/app.service.d/mixed_lb.conf"
    policy = "# why\n\n[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=1\n"
    for content in (policy, policy.replace("=1", "=2"), f"{policy}Nice=1\n"):
        apply(wanted({MAIN: "new", drop_in: content}), host.host)
    assert host.verbs == ["daemon-reload", "reload", "daemon-reload", "reload", "daemon-reload", "restart"]


def test_what_is_no_service_is_started_again() -> None:
    host = daemon()
    unit, beside = "srv.automount", "/etc/systemd/system/srv.mount"
    assert apply(dataclasses.replace(wanted({beside: "old"}), unit=unit), host.host).actions == ["start"]
    assert apply(dataclasses.replace(wanted({beside: "new"}), unit=unit), host.host).actions == ["restart"]


def test_a_unit_that_is_put_back_may_not_know_how_to_reload() -> None:
    host = daemon(active=True)
    files = {MAIN: "refused", "/etc/systemd/system/app.service.d/mixed_lb.conf": "ExecReload=app again"}
    new = probe.Probe(argv=("ask", MAIN), expects="refused")
    with pytest.raises(DaemonProblem, match="configuration from before is back"):
        apply(wanted(files, probes=(new,), probe_timeout=0), host.host)
    assert host.verbs == ["daemon-reload", "restart", "daemon-reload", "restart"]
    assert host.running == VIRGIN


def test_a_reload_that_never_ends_is_an_error() -> None:
    host = daemon(active=True)
    host.hangs_at = "reload"
    with pytest.raises(DaemonProblem, match=r"reload app\.service has not ended after 180 s: see systemctl list-jobs"):
        apply(wanted({MAIN: "new"}), host.host)
    assert host.files.content[MAIN] == VIRGIN[MAIN]


def test_a_renamed_file_leaves_nothing_and_the_distribution_file_comes_back() -> None:
    host = daemon(active=True)
    apply(wanted({MAIN: "new", f"{FOLDER}/mixed_lb/old.conf": "x"}), host.host)
    apply(wanted({PART: "x"}), host.host)
    assert host.running == {**VIRGIN, PART: "x"}


def test_a_file_that_another_one_names_is_there_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """For somebody else may reload the daemon between two writes."""
    host = daemon(active=True)
    first, last = f"{FOLDER}/a.conf", f"{FOLDER}/z.conf"
    apply(wanted({MAIN: first, first: "x"}), host.host)
    seen = []

    def watched(change: t.Callable[..., None]) -> t.Callable[..., None]:
        def changed(*words: t.Any) -> None:
            change(*words)
            seen.append(host.files.content[MAIN] in host.files.content)

        return changed

    for name in ("write", "remove"):
        monkeypatch.setattr(host.files, name, watched(getattr(host.files, name)))
    for named in (last, first):
        apply(wanted({MAIN: named, named: "x"}), host.host)
    assert all(seen) and len(seen) > 2


@pytest.mark.parametrize("bad", ["bad", "fatal", "refused"])
@pytest.mark.parametrize("active", [True, False])
def test_what_fails_leaves_files_and_daemon_as_they_were(bad: str, active: bool) -> None:
    """Refused by the check, dead at the start, or running on with the old configuration: three ways to fail."""
    host = daemon()
    if active:
        apply(wanted({MAIN: "good"}), host.host)
    before, running, record = dict(host.files.content), host.running, host.enabled
    probes = (probe.Probe(argv=("ask", MAIN), expects=f"^{bad}$"),)
    with pytest.raises(DaemonProblem) as caught:
        apply(wanted({MAIN: bad, PART: "p"}, probes=probes, probe_timeout=0), host.host)
    assert (host.files.content, host.running, host.enabled) == (before, running, record)
    refused = "did not pass within 0 s" if active else "does not run after systemctl start"
    assert {"bad": "syntax error in /", "fatal": "cannot bind", "refused": refused}[bad] in str(caught.value)
    if bad == "bad":
        assert "nothing was changed" in str(caught.value)
        assert host.verbs == (["start"] if active else [])


@pytest.mark.parametrize("room", range(2))
def test_a_full_disk_changes_nothing(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Whether there is room for the record or not. To write what is there already would take room as well."""
    host = daemon()
    apply(wanted({MAIN: "good", PART: "p"}), host.host)
    before, running = _but_records(host), host.running
    with monkeypatch.context() as full, pytest.raises((DaemonProblem, FileProblem)) as caught:
        full.setattr(host.files, "write", _full_after(room, host.files.write))
        apply(wanted({MAIN: "new", PART: "new"}), host.host)
    assert "No space left on device" in str(caught.value)
    assert "could not be put back" not in str(caught.value)
    assert (_but_records(host), host.running) == (before, running)
    apply(wanted({MAIN: "new", PART: "new"}), host.host)
    assert host.running == {MAIN: "new", PART: "new"}


def _but_records(host: FakeDaemon) -> dict[str, str]:
    return {path: text for path, text in host.files.content.items() if not path.startswith(history.FOLDER)}


def _full_after(room: int, write: t.Callable[..., None]) -> t.Callable[..., None]:
    left = iter(range(room))

    def until(path: str, *words: t.Any) -> None:
        # copies, to be checked, are where temporary files are: often a disk of its own
        if not path.startswith("/copy/") and next(left, None) is None:
            raise FileProblem("write", path, OSError(errno.ENOSPC, "No space left on device"))
        write(path, *words)

    return until


def test_words_that_refuse_count_more_than_the_exit_code() -> None:
    host = daemon(active=True)
    with pytest.raises(DaemonProblem, match="refuses the new configuration"):
        apply(Wanted("edge", "app.service", (FOLDER,), {MAIN: File("x")}, (Check(("appd",), "fine"),)), host.host)
    assert host.running == VIRGIN


def test_check_mode_predicts_and_touches_nothing() -> None:
    host = daemon(enabled=False)
    host.files.read_only = True
    predicted = apply(wanted({MAIN: "new"}), host.host, check_only=True)
    assert not host.verbs and host.running is None
    with pytest.raises(DaemonProblem, match="syntax error"):
        apply(wanted({MAIN: "bad"}), host.host, check_only=True)
    host.files.read_only = False
    done = apply(wanted({MAIN: "new"}), host.host)
    assert (done.changes, done.actions, done.generation) == (predicted.changes, predicted.actions, predicted.generation)


def test_check_mode_where_nothing_is_installed_warns_and_the_real_run_refuses() -> None:
    host = daemon({}, installed=False, enabled=False)
    outcome = apply(wanted({MAIN: "bad"}), host.host, check_only=True)
    assert outcome.changed and outcome.warnings == [
        "appd is not installed yet, so its configuration could not be checked"
    ]
    with pytest.raises(DaemonProblem, match="appd is not installed: install its package first"):
        apply(wanted({MAIN: "x"}), host.host)
    assert not host.files.content


@pytest.mark.parametrize("verb", ["reload", "daemon-reload"])
def test_an_interrupted_run_is_finished_by_the_next(verb: str) -> None:
    host = daemon(active=True)
    host.dies_at = verb
    files = {MAIN: "new", "/etc/systemd/system/app.service.d/mixed_lb.conf": "[Service]"}
    files = files if verb == "daemon-reload" else {MAIN: "new"}
    with pytest.raises(KeyboardInterrupt):
        apply(wanted(files), host.host)
    assert host.running == VIRGIN
    host.dies_at = None
    assert apply(wanted(files), host.host).actions == ["reload"]
    assert host.running == {MAIN: "new"}
    apply(wanted({}), host.host)
    assert host.running == VIRGIN


def test_an_interrupted_rename_is_cleaned_up(monkeypatch: pytest.MonkeyPatch) -> None:
    host = daemon(active=True)
    apply(wanted({MAIN: "new", f"{FOLDER}/old": "x"}), host.host)
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(host.files, "write", _killed_at(f"{FOLDER}/new", host.files.write))
        apply(wanted({MAIN: "new", f"{FOLDER}/new": "x"}), host.host)
    apply(wanted({PART: "x"}), host.host)
    assert host.running == {**VIRGIN, PART: "x"}


def _killed_at(last: str, write: t.Callable[..., None]) -> t.Callable[..., None]:
    def until(path: str, *words: t.Any) -> None:
        if path == last:
            raise KeyboardInterrupt
        write(path, *words)

    return until


def test_two_scopes_share_a_daemon() -> None:
    host = daemon(enabled=False)
    apply(wanted({MAIN: "ours", f"{FOLDER}/a": "a"}, "a"), host.host)
    apply(wanted({MAIN: "ours", f"{FOLDER}/b": "b"}, "b"), host.host)
    with pytest.raises(DaemonProblem, match=r"main.conf: c and [ab] want it differently"):
        apply(wanted({MAIN: "other"}, "c"), host.host)
    apply(wanted({}, "a"), host.host)
    assert host.running == {MAIN: "ours", f"{FOLDER}/b": "b"}
    apply(wanted({}, "b"), host.host)
    assert host.running is None and not host.enabled and host.files.content == VIRGIN


def test_a_shared_file_is_as_the_last_scope_wants_it() -> None:
    def run(text: str, scope: str) -> app.Outcome:
        files = {MAIN: File(text, shared=True), f"{FOLDER}/{scope}": File(scope)}
        return apply(Wanted(scope, "app.service", (FOLDER,), files), host.host)

    host = daemon()
    assert not run("v1", "a").warnings
    assert not run("v1", "b").warnings
    assert "b laid it down differently" in run("v2", "a").warnings[0]
    assert host.running == {MAIN: "v2", f"{FOLDER}/a": "a", f"{FOLDER}/b": "b"}
    assert not run("v2", "b").warnings
    for scope in "ab":
        again = run("v2", scope)
        assert not again.changed and not again.warnings
    apply(wanted({}, "a"), host.host)
    assert host.running == {MAIN: "v2", f"{FOLDER}/b": "b"}
    apply(wanted({}, "b"), host.host)
    assert host.files.content == VIRGIN


def test_backups_are_bounded_and_private() -> None:
    host = daemon()
    for number in range(6):
        apply(wanted({MAIN: f"v{number}"}, backups=2), host.host)
    kept = [path for path in host.files.content if path.startswith(f"{history.FOLDER}/edge.d/")]
    assert [json.loads(host.files.content[path])["files"][MAIN]["content"] for path in kept] == ["v3", "v4"]
    assert all(host.files.modes[path] == 0o600 for path in [*kept, f"{history.FOLDER}/edge.json"])


def test_drift_of_content_mode_and_daemon_is_repaired() -> None:
    host = daemon()
    apply(wanted({MAIN: "x"}), host.host)
    host.files.content[MAIN] = "hand-made"
    assert apply(wanted({MAIN: "x"}), host.host).actions == ["reload"]
    host.files.write(MAIN, "x", 0o600)
    assert apply(wanted({MAIN: "x"}), host.host).changed
    host.running, host.enabled = None, False
    assert apply(wanted({MAIN: "x"}), host.host).actions == ["enable", "start"]


def test_a_kept_file_is_begun_then_left_to_others_and_taken_away() -> None:
    host = daemon(active=True)
    kept = Wanted("edge", "app.service", (FOLDER,), {PART: File("0", keep=True)}, (Check(("appd",)),))
    assert [change.path for change in apply(kept, host.host).changes] == [PART]
    host.files.write(PART, "1", 0o600)
    assert not apply(kept, host.host).changed and host.files.content[PART] == "1"
    apply(wanted({}), host.host)
    assert host.running == VIRGIN


def test_the_generation_is_in_files_and_probes() -> None:
    host = daemon()
    probes = (probe.Probe(argv=("ask", MAIN), expects="^I am @generation@$"),)
    first = apply(wanted({MAIN: "I am @generation@"}, probes=probes), host.host)
    second = apply(wanted({MAIN: "I am @generation@", PART: ""}, probes=probes), host.host)
    assert host.running[MAIN] == f"I am {second.generation}" != f"I am {first.generation}"


TEXTS = st.dictionaries(
    st.sampled_from([MAIN, PART, f"{FOLDER}/x"]), st.sampled_from(["one", "two", "bad", "fatal", "refused"]), min_size=1
)
STEPS = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.one_of(st.just({}), TEXTS)), max_size=8)


@given(STEPS, st.booleans(), st.booleans())
def test_law_the_daemon_runs_what_was_wanted_or_what_ran_before(
    steps: list[tuple[str, dict[str, str]]], active: bool, enabled: bool
) -> None:
    """Whatever happens in between, in the end everything can be taken back."""
    host = daemon(active=active, enabled=enabled)
    before = (dict(host.files.content), host.running, host.enabled)
    touched = False
    for scope, files in steps:
        probes = tuple(probe.Probe(argv=("ask", path), expects=f"^{text}$") for path, text in files.items())
        asked = wanted(files, scope, probes=probes, probe_timeout=0)
        ran, content = host.running, dict(host.files.content)
        try:
            predicted = apply(asked, host.host, check_only=True)
            done = apply(asked, host.host)
        except DaemonProblem:
            assert (host.running, host.files.content) == (ran, content)
        else:
            assert (predicted.changes, predicted.actions) == (done.changes, done.actions)
            assert files.items() <= (host.running or {}).items()
            touched |= bool(files)
            assert not apply(asked, host.host).changed
    for scope in ("a", "b"):
        apply(wanted({}, scope), host.host)
    # What was enabled but did not run came with a package that was installed for this: it goes off.
    off = (before[0], None, False)
    assert (host.files.content, host.running, host.enabled) == (off if touched and not active else before)


def test_secrets_are_not_shown() -> None:
    host = daemon(active=True)
    secret = Wanted("edge", "app.service", (FOLDER,), {PART: File("hunter2", 0o600, secret=True)}, (Check(("appd",)),))
    assert "hunter2" not in json.dumps([change.diff() for change in apply(secret, host.host).changes])
    host.files.write(MAIN, "hunter2", 0o640)  # somebody else's, and not for everybody
    assert "hunter2" not in json.dumps([change.diff() for change in apply(wanted({MAIN: "x"}), host.host).changes])


def test_a_probe_reads_until_it_matches() -> None:
    """Over TCP, from a server that answers in pieces and does not close."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(10)

    def serve() -> None:
        connection, _peer = server.accept()
        with connection:
            assert connection.recv(10) == b"hello"
            connection.sendall(b"gen")
            connection.sendall(b"eration 7")
            connection.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    address = f"127.0.0.1:{server.getsockname()[1]}"
    probe.wait_for([probe.Probe(address, send="hello", expects="generation @generation@")], "7", 10, daemon())
    thread.join()
    server.close()
    with pytest.raises(DaemonProblem, match=r"did not pass within 0 s.*refused"):
        probe.wait_for([probe.Probe(address)], "7", 0, daemon())


OPTIONS = {
    "name": "edge", "state": "present", "unit": "app.service", "folders": [], "secret_files": [], "checks": [], "probes": [],
    "probe_timeout": 1, "backups": 1,
    "files": [{"path": "/etc/x", "content": "", "mode": "0644", "owner": "root", "group": "root"}],
}  # fmt: skip
FILE = OPTIONS["files"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "A b"}, "name: 'A b' must be"),
        ({"files": []}, "files: none are given"),
        ({"files": [FILE, FILE]}, "/etc/x is there twice"),
        ({"files": [{**FILE, "path": "etc/x"}]}, "must be an absolute path"),
        ({"files": [{**FILE, "mode": "rw"}]}, "mode 'rw' of /etc/x must be of octal digits"),
        ({"secret_files": [{**FILE, "path": "/etc/y"}]}, "mode 0644 would let everybody read /etc/y"),
        ({"probes": [{"address": "", "argv": [], "send": "", "expects": ""}]}, "needs either address or argv"),
        ({"checks": [{"argv": ["x"], "refuses": "("}]}, r"refuses '\(' is no regular expression"),
    ],
)
def test_wrong_options_are_named(change: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DaemonProblem, match=message):
        wanted_of({**OPTIONS, **change})
