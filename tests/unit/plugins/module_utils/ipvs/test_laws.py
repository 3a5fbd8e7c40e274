# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for every pair of tables, on a kernel in memory that refuses what the real one refuses."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import parse, plan, render, wanted
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.app import Drain, Session
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.model import ServiceKey, Table
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.plan import Policy
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs.runner import Ipvsadm, IpvsError
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.ipvs.fake_kernel import FakeKernel
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.ipvs.strategies import tables
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.filterwarnings("error")
law = settings(max_examples=60, deadline=None, derandomize=True)

SCOPE = frozenset({"10.0.0.100", "2001:db8::100", 7})


def kernel_with(table: Table, *, read_only: bool = False) -> FakeKernel:
    """A kernel that holds the table, loaded by the text that boots it."""
    kernel = FakeKernel()
    result = kernel(["ipvsadm", "-R"], render.rules(table))
    assert (result.rc, result.err) == (0, "")
    kernel.calls.clear()
    kernel.lines.clear()
    kernel.read_only = kernel.files.read_only = read_only
    return kernel


def read(kernel: FakeKernel) -> Table:
    return Ipvsadm(kernel).read().table


def change(kernel: FakeKernel, after: Table, **options: t.Any) -> t.Any:
    session = Session(kernel, kernel.files, check=kernel.read_only, clock=lambda: 0.0, sleep=lambda seconds: None)
    return session.change(session.read(), after, **options)


@law
@given(tables())
def test_what_is_rendered_is_read_again(table: Table) -> None:
    kernel = kernel_with(table)
    assert read(kernel) == table
    assert wanted.table(render.as_options(table)) == table
    assert parse.service_keys(render.rules(table)) == set(table)


@law
@given(tables(), tables())
def test_the_table_becomes_what_is_wanted_and_a_second_run_does_nothing(before: Table, after: Table) -> None:
    kernel = kernel_with(before)
    assert change(kernel, after).changed == (before != after)
    assert read(kernel) == after
    kernel.lines.clear()
    again = change(kernel, after)
    assert not again.changed and not again.commands and not kernel.writes
    assert again.before == again.after == again.diff == []


@law
@given(tables(), tables())
def test_one_command_for_each_record_that_differs(before: Table, after: Table) -> None:
    records = {**_records(before), **_records(after)}
    gone = {key for key in before if key not in after}
    differing = {
        name
        for name in records
        if _records(before).get(name) != _records(after).get(name)
        # A deleted service takes its destinations along.
        and (name[1] is None or name[0] not in gone)
    }
    assert len(plan.diff(before, after)) == len(differing)


@law
@given(tables(), tables(), st.booleans())
def test_nothing_outside_of_restrict_is_touched(before: Table, desired: Table, purge: bool) -> None:
    policy = Policy(SCOPE, purge)
    inside = {key: found for key, found in desired.items() if policy.covers(key)}
    kernel = kernel_with(before)
    outcome = change(kernel, plan.target(before, inside, policy))
    now = read(kernel)
    assert {k: s for k, s in now.items() if not policy.covers(k)} == {
        k: s for k, s in before.items() if not policy.covers(k)
    }
    outside = [key for key in before if not policy.covers(key)]
    assert not [line for line in outcome.commands for key in outside if f" {_name(key)} " in f"{line} "]
    expected = inside if purge else {**{k: s for k, s in before.items() if policy.covers(k)}, **inside}
    assert {k: s for k, s in now.items() if policy.covers(k)} == expected


@law
@given(tables(), tables(), st.sampled_from([0, 5]))
def test_check_mode_says_what_the_real_run_does(before: Table, after: Table, seconds: int) -> None:
    predicted = change(kernel_with(before, read_only=True), after, drain=Drain(seconds))
    kernel = kernel_with(before)
    real = change(kernel, after, drain=Drain(seconds))
    assert [f"ipvsadm {line}" for line in kernel.writes] == real.commands
    real.extra.clear()
    assert predicted == real
    assert wanted.table(predicted.after) == plan.only(after, plan.changed_keys(before, after))


@law
@given(tables(), tables(), st.data())
def test_a_refused_line_rolls_everything_back(before: Table, after: Table, data: st.DataObject) -> None:
    ops = plan.diff(before, after)
    if not ops:
        return
    line = " ".join(data.draw(st.sampled_from(ops)).arguments)
    kernel = kernel_with(before)
    kernel.refuse.add(line)
    # Lines that put back are other lines, or the same record could not come back either.
    if line in {" ".join(op.arguments) for op in plan.diff(after, before)}:
        return
    with pytest.raises(IpvsError) as failed:
        change(kernel, after)
    assert read(kernel) == before
    assert failed.value.details["failed_command"] == f"ipvsadm {line}"
    assert "Memory allocation problem" in str(failed.value)
    assert not failed.value.details["changed"]


@law
@given(tables(), tables(), st.data())
def test_without_rollback_the_error_tells_applied_from_missing(
    before: Table, after: Table, data: st.DataObject
) -> None:
    ops = plan.diff(before, after)
    if not ops:
        return
    kernel = kernel_with(before)
    kernel.refuse.add(" ".join(data.draw(st.sampled_from(ops)).arguments))
    with pytest.raises(IpvsError) as failed:
        change(kernel, after, rollback=False)
    details = failed.value.details
    now = read(kernel)
    assert details["changed"] == (now != before)
    assert details["failed_command"] in details["not_applied"]
    assert sorted([*details["applied"], *details["not_applied"]]) == sorted(map(str, ops))
    assert {str(op) for op in plan.diff(now, after)} == set(details["not_applied"])


@law
@given(tables(), tables())
def test_kept_weights_are_the_live_ones(before: Table, desired: Table) -> None:
    after = plan.target(before, desired, Policy(keep_weights=True))
    live = {(key, d.key): d.weight for key, found in before.items() for d in found.destinations}
    for key, service in desired.items():
        for old, new in zip(service.destinations, after[key].destinations, strict=True):
            assert new.weight == live.get((key, new.key), old.weight)


@law
@given(tables(), tables())
def test_draining_gives_first_and_takes_last(before: Table, after: Table) -> None:
    between = plan.draining(before, after)
    assert not [
        op for op in plan.diff(before, between) if op.verb == "delete_destination" and op.service.key.protocol != "udp"
    ]
    first = plan.diff(before, between)
    deletes = [place for place, op in enumerate(first) if op.verb.startswith("delete")]
    assert deletes == list(range(len(first) - len(deletes), len(first)))
    assert all(op.verb.startswith("delete") for op in plan.diff(between, after))


def _records(table: Table) -> dict[tuple[ServiceKey, t.Any], t.Any]:
    records: dict[tuple[ServiceKey, t.Any], t.Any] = {(key, None): found.settings for key, found in table.items()}
    records.update({(key, d.key): d for key, found in table.items() for d in found.destinations})
    return records


def _name(key: ServiceKey) -> str:
    return " ".join(render.key_arguments(key))
