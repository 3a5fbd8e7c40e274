# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the steps of a file, one after the other: a task for each of their parts would cost more than what it does.

A step has the keys
  name, module, options   what is done; `again_as_read: true` does it with the services that ipvs_info returns
  before                  shell commands that set the scene
  check_only              only predict
  error                   what it must fail with, a regular expression
  commands, returns       what it must return
  look, shows             a shell command, `ipvsadm -Sn` unless given, and what it must print, in any order
What must come out is for the tests; here is only done and kept.
"""

from __future__ import annotations

import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

Result = dict[str, t.Any]


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """Returns `steps`: by topic and name what was predicted, done, done again, and seen."""

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        path = pathlib.Path(self._task.args["file"])
        steps = yaml.safe_load(path.read_text())["steps"]
        return {
            **result,
            "steps": {f"{path.stem}: {step['name']}": self._take(step, task_vars or {}) for step in steps},
        }

    def _take(self, step: Result, task_vars: Result) -> Result:
        if "before" in step:
            self._shell(step, step["before"])
        options = dict(step.get("options") or {})
        if step.get("again_as_read"):
            options["services"] = self._module("ipvs_info", {}, task_vars)["services"]
        taken: Result = {}
        if "error" not in step:
            taken["predicted"] = self._module(step["module"], options, task_vars, check=True)
        if not step.get("check_only"):
            taken["done"] = self._module(step["module"], options, task_vars)
            if "error" not in step:
                taken["again"] = self._module(step["module"], options, task_vars)
        taken["seen"] = self._shell(step, step.get("look", "ipvsadm -Sn"))
        return taken

    def _module(self, name: str, options: Result, task_vars: Result, check: bool = False) -> Result:
        # Which of them is read depends on the version of ansible-core.
        for place in (self._task, self._play_context):
            place.check_mode, place.diff = check, True
        done: Result = self._execute_module(f"mixed_lb.stack.{name}", module_args=options, task_vars=task_vars)
        return done

    def _shell(self, step: Result, command: str) -> list[str]:
        done = self._low_level_execute_command(command, executable="/bin/sh")
        if done["rc"] != 0:
            raise AnsibleActionFail(f"step {step['name']!r}: {command}: {done['stderr'] or done['stdout']}")
        lines: list[str] = done["stdout"].splitlines()
        return lines
