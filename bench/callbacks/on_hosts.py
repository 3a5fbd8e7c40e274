# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the tasks of each host that run something there, and prints them as JSON in the last line."""

from __future__ import annotations

import collections
import json
import typing as t

from ansible.plugins.callback import CallbackBase

# What a play of this collection does on the controller alone.
ON_CONTROLLER = {
    "assert",
    "debug",
    "fail",
    "include_role",
    "include_tasks",
    "set_fact",
    "stack_plan",
    "validate_argument_spec",
}


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core ships no types
    """Beside the normal output; ``bench/site.py`` enables it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "on_hosts"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._counts: collections.Counter[str] = collections.Counter()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        if result._task.action.rpartition(".")[2] not in ON_CONTROLLER:
            self._counts[result._host.get_name()] += 1

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._display.display(json.dumps({"on_hosts": self._counts}))
