# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os
import shutil
import stat
import types

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command, files, units
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import FakeSystemctl, MemoryFiles


def test_programs_run_in_the_c_locale_without_a_shell(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    run = command.on_host(types.SimpleNamespace(get_bin_path=lambda name, opt_dirs: shutil.which(name)))
    done = run(["sh", "-c", 'echo "$LC_ALL $LANG $1"; cat; echo no >&2; exit 3', "sh", "a b; $HOME"], stdin="\udcff in")
    assert done == Result(3, "C C a b; $HOME\n\udcff in", "no\n")
    with pytest.raises(command.ProgramMissing, match="no-such-program is not installed on this host"):
        run(["no-such-program"])


@pytest.fixture
def store():
    return files.on_host(types.SimpleNamespace(selinux_enabled=lambda: False))


def test_write_makes_folders_and_replaces(store, tmp_path):
    path = str(tmp_path / "a" / "b" / "c.conf")
    assert store.read(path) is None
    store.write(path, "one\n")
    store.write(path, "two\n", mode=0o600)
    assert store.read(path) == "two\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o755
    assert store.names(str(tmp_path / "a" / "b")) == ["c.conf"], "no temporary file is left"


def test_what_a_killed_run_left_of_a_file_goes(store, tmp_path, monkeypatch):
    path = str(tmp_path / "c.conf")
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(os, "fsync", _dies)
        killed.setattr(os, "unlink", _dies)
        store.write(path, "one\n")
    store.write(str(tmp_path / "other.conf"), "")
    assert len(store.names(str(tmp_path))) == 2, "only a write of the same file may take it away"
    store.write(path, "one\n")
    assert store.names(str(tmp_path)) == ["c.conf", "other.conf"]


def _dies(*_arguments):
    raise KeyboardInterrupt


def test_without_room_for_copies_the_folder_is_named(store, monkeypatch):
    def full(**_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.tempfile, "TemporaryDirectory", full)
    with pytest.raises(files.FileProblem, match="cannot copy /etc/app: No space left"), store.copies(["/etc/app"]):
        pass


def test_folder_modes_do_not_depend_on_the_umask(store, tmp_path):
    before = os.umask(0o077)
    try:
        store.write(str(tmp_path / "x" / "y"), "")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "x").st_mode) == 0o755
    assert stat.S_IMODE(os.stat(tmp_path / "x" / "y").st_mode) == 0o644


def test_remove_takes_only_folders_of_our_own(store, tmp_path):
    store.write(str(tmp_path / "mixed_lb" / "deep" / "f"), "")
    store.write(str(tmp_path / "foreign" / "f"), "")
    store.remove(str(tmp_path / "mixed_lb" / "deep" / "f"))
    store.remove(str(tmp_path / "foreign" / "f"))
    store.remove(str(tmp_path / "foreign" / "f"))
    assert store.names(str(tmp_path)) == ["foreign"]


def test_remove_keeps_a_folder_in_use(store, tmp_path):
    store.write(str(tmp_path / "mixed_lb" / "a"), "")
    store.write(str(tmp_path / "mixed_lb" / "b"), "")
    store.remove(str(tmp_path / "mixed_lb" / "a"))
    assert store.names(str(tmp_path / "mixed_lb")) == ["b"]


def test_attributes_are_those_of_the_file(store, tmp_path):
    path = str(tmp_path / "f")
    assert store.attributes(path) is None
    store.write(path, "", mode=0o640)
    found = store.attributes(path)
    assert found.mode == 0o640
    store.write(path, "", 0o600, found.owner, found.group)
    assert store.attributes(path) == found._replace(mode=0o600)


def test_an_unknown_owner_is_named_and_changes_nothing(store, tmp_path):
    store.write(str(tmp_path / "f"), "one")
    with pytest.raises(files.FileProblem, match="nobody-of-that-name"):
        store.write(str(tmp_path / "f"), "two", owner="nobody-of-that-name")
    assert store.read(str(tmp_path / "f")) == "one" and store.names(str(tmp_path)) == ["f"]


def test_copies_are_whole_private_and_gone_afterwards(store, tmp_path):
    store.write(str(tmp_path / "etc" / "deep" / "f"), "one")
    os.symlink("deep/f", tmp_path / "etc" / "link")
    os.mkfifo(tmp_path / "etc" / "pipe")
    with store.copies([str(tmp_path / "etc")]) as copies:
        copy = copies[str(tmp_path / "etc")]
        assert store.names(copy) == ["deep", "link"] and store.read(f"{copy}/link") == "one"
        store.write(f"{copy}/deep/f", "two")
        assert stat.S_IMODE(os.stat(os.path.dirname(copy)).st_mode) == 0o700
    assert store.read(str(tmp_path / "etc" / "deep" / "f")) == "one" and not os.path.exists(copy)


def test_a_refusal_names_the_file(store, tmp_path):
    (tmp_path / "dir").mkdir()
    with pytest.raises(files.FileProblem, match=r"cannot read .*/dir: Is a directory"):
        store.read(str(tmp_path / "dir"))


UNIT = units.Unit("mixed-lb-x.service", "[Service]\nType=oneshot\n")


def test_unit_install_is_idempotent_and_then_runs_nothing():
    memory = MemoryFiles()
    systemctl = FakeSystemctl(memory)
    there = units.Units(systemctl, memory)
    assert there.install(UNIT, check=True) and not systemctl.calls and not memory.writes
    assert there.install(UNIT)
    assert systemctl.calls == [["systemctl", "daemon-reload"], ["systemctl", "enable", UNIT.name]]
    assert not there.install(UNIT) and len(systemctl.calls) == 2
    memory.links.clear()
    assert there.install(UNIT) and systemctl.calls[-1] == ["systemctl", "enable", UNIT.name]


def test_unit_remove_leaves_nothing():
    memory = MemoryFiles()
    there = units.Units(FakeSystemctl(memory), memory)
    assert not there.remove(UNIT.name)
    there.install(UNIT)
    assert there.remove(UNIT.name, check=True) and memory.content
    assert there.remove(UNIT.name)
    assert not memory.content and not memory.links
    assert not there.remove(UNIT.name)


def test_systemctl_refusal_is_told_in_its_words():
    there = units.Units(lambda argv, stdin=None: Result(1, "", "Access denied\n"), MemoryFiles())
    with pytest.raises(units.UnitProblem, match="systemctl daemon-reload failed: Access denied"):
        there.install(UNIT)
