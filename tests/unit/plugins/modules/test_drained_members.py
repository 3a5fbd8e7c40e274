# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The note of who is drained: written, read by the others, taken back, and nothing else."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import drained, files
from ansible_collections.mixed_lb.stack.plugins.modules import drained_members
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles, run_module

ADDRESSES = ["192.0.2.21", "2001:DB8::21"]
NORMAL = ["192.0.2.21", "2001:db8::21"]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryFiles:
    made = MemoryFiles()
    monkeypatch.setattr(files, "on_host", lambda _module: made)
    return made


def run(**options: t.Any) -> dict[str, t.Any]:
    return run_module(drained_members.main, **options)


def test_there_and_back_again(store: MemoryFiles) -> None:
    store.read_only = True
    predicted = run(name="web1", addresses=ADDRESSES, _ansible_check_mode=True)
    store.read_only = False
    real = run(name="web1", addresses=ADDRESSES)
    assert predicted["members"] == real["members"] == {"web1": NORMAL} == drained.read(store)
    assert predicted["changed"] and real["changed"] and predicted["diff"] == real["diff"]
    assert not run(name="web1", addresses=ADDRESSES)["changed"]
    assert run(name="web2", addresses=["192.0.2.22"])["members"] == {"web1": NORMAL, "web2": ["192.0.2.22"]}
    assert run(name="web1", state="present")["members"] == {"web2": ["192.0.2.22"]}
    assert not run(name="web1", state="present")["changed"]
    run(name="web2", state="present")
    assert store.content == {}


def test_a_host_that_has_moved_is_noted_anew(store: MemoryFiles) -> None:
    run(name="web1", addresses=ADDRESSES)
    assert run(name="web1", addresses=["192.0.2.99"])["members"] == {"web1": ["192.0.2.99"]}


def test_who_was_renamed_is_taken_back_under_any_name(store: MemoryFiles) -> None:
    run(name="old1", addresses=ADDRESSES)
    run(name="web2", addresses=["192.0.2.22"])
    assert run(name="web1", state="present", addresses=["2001:DB8:0::21"])["members"] == {"web2": ["192.0.2.22"]}
    assert run(name="web1", state="present", addresses=["web1"])["msg"] == "'web1' is no IP address"


@pytest.mark.parametrize("text", ["{", "[]", '{"web1": ["nowhere"]}', '{"web1": 7}'])
def test_a_damaged_note_stops(store: MemoryFiles, text: str) -> None:
    store.content[drained.PATH] = text
    assert "is damaged" in run(name="web1", addresses=ADDRESSES)["msg"]
    assert store.content[drained.PATH] == text


def test_what_cannot_be_noted(store: MemoryFiles) -> None:
    assert run(name="web1")["msg"] == "addresses is empty: say where the member is asked"
    assert run(name="web1", addresses=["web1"])["msg"] == "'web1' is no IP address"
    assert store.content == {}
