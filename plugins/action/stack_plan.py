# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The side of ``stack_plan`` that does the work: hands the inventory to the stack model, and its plan to the play."""

from __future__ import annotations

import collections.abc as c
import datetime
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.release import __version__
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.check import check
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.derive import derive
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.hosts import Inventory
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.load import load
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.members import addresses_of
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.model import Plan, Stack
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.retire import (
    Retirement,
    retire_all,
    retire_host,
    retire_tiers,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.status import status
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.status_table import status_table
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.summary import summary


class ActionModule(ActionBase):
    """Runs once for the whole play, on the controller, with the whole inventory whatever ``--limit`` says."""

    BYPASS_HOST_LOOP = True
    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset({"stack", "seen", "without"})

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        inventory = Inventory(plain(variables["groups"]), _reader(variables["hostvars"]))
        stack, findings = load(self._stack(variables))
        findings += check(stack, inventory)
        errors = [finding for finding in findings if finding.severity == "error"]
        if errors:
            return self._failed(result, "lb_stack has", errors)
        plan = derive(stack, inventory)
        if self._task.args.get("without") is not None:
            going = _retirement(plain(self._task.args["without"]), stack, inventory)
            if going.problems:
                return self._failed(result, "this cannot be decommissioned,", going.problems)
            plan = going.plan
            result["freed"] = list(going.freed)
        run = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        result.update(changed=False, run=run, summary=summary(plan), **_for_playbooks(plan))
        result["addresses"] = addresses_of(stack, inventory)
        result["warnings"] = [str(finding) for finding in findings]
        if self._task.args.get("seen") is not None:
            state = status(
                stack, inventory, {host: _reached(said) for host, said in plain(self._task.args["seen"]).items()}
            )
            result.update(status=state, table=status_table(state))
        return result

    def _failed(self, result: dict[str, t.Any], what: str, errors: t.Sequence[object]) -> dict[str, t.Any]:
        heading = f"{what} {len(errors)} error{'s'[: len(errors) != 1]}; no host was touched:"
        report = "\n".join([heading, *(f"- {error}" for error in errors)])
        if __version__.startswith(("2.16.", "2.17.", "2.18.")):
            # these print a task's message as one long line; from 2.19 Ansible shows its lines by itself
            self._display.error(report, wrap_text=False)
        # not raised: they would also add words about a traceback
        return {**result, "failed": True, "msg": report}

    def _stack(self, variables: dict[str, t.Any]) -> object:
        if self._task.args.get("stack") is not None:
            return plain(self._task.args["stack"])
        if "lb_stack" not in variables:
            raise AnsibleActionFail(
                "lb_stack is not defined: describe the stack in group_vars/all.yml, see docs/stack.md"
            )
        try:
            return plain(self._templar.template(variables["lb_stack"]))
        except AnsibleError as error:
            raise AnsibleActionFail(f"lb_stack cannot be read: {error}") from error


def _reached(said: t.Any) -> dict[str, t.Any] | None:
    """What a host said, out of what a play has registered for it; None where it said nothing."""
    whole = isinstance(said, dict) and "units" in said and not said.get("unreachable") and not said.get("failed")
    return said if whole else None


def _retirement(going: t.Mapping[str, t.Any], stack: Stack, inventory: Inventory) -> Retirement:
    """What ``without`` asks for, which is one of three things."""
    given = [key for key in ("host", "tiers", "all") if going.get(key)]
    if len(given) != 1 or set(going) - {"host", "tiers", "all"}:
        raise AnsibleActionFail("without: give one of host (a name), tiers (a list of names) and all (true)")
    if given == ["all"]:
        return retire_all(stack, inventory)
    if given == ["host"]:
        return retire_host(stack, inventory, str(going["host"]))
    return retire_tiers(stack, inventory, list(going["tiers"]))


def _for_playbooks(plan: Plan) -> dict[str, t.Any]:
    """Steps and parts apart: a play loops over the steps on every host, and a part is looked up where it is wanted."""
    steps = [{"name": step.name, "tier": step.tier, "part": step.part, "role": step.role} for step in plan.steps]
    openings = {host: [one.part() for one in some] for host, some in plan.openings.items()}
    return {"steps": steps, "parts": {step.name: step.parts for step in plan.steps}, "openings": openings}


def _reader(hostvars: t.Mapping[str, t.Any]) -> t.Callable[[str, tuple[str, ...]], dict[str, object]]:
    """Variables of a host by name, so that nothing but these is ever templated."""

    def read(host: str, keys: tuple[str, ...]) -> dict[str, object]:
        found: dict[str, object] = {}
        variables = hostvars[host]
        for key in keys:
            try:
                if key in variables:
                    found[key] = plain(variables[key])
            except AnsibleError as error:
                raise AnsibleActionFail(f"host {host}: {key} cannot be read: {error}") from error
        return found

    return read


def plain(value: t.Any) -> t.Any:
    """The value in Python's own types: Ansible's carry tags, or render only when they are looked at."""
    if isinstance(value, c.Mapping):
        return {plain(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)
