# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a task as an Ansible module: every failure that can be foreseen is one line, never a traceback."""

from __future__ import annotations

import typing as t

from ..system import command, files
from ..system.command import ProgramMissing
from ..system.files import FileProblem
from ..system.units import UnitProblem
from .app import Outcome, Session
from .model import ModelError
from .parse import ParseError
from .runner import IpvsError

ECHOED_SERVICES = 5

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def session(module: AnsibleModule) -> Session:
    """A session on the host that the module runs on."""
    return Session(command.on_host(module), files.on_host(module), check=module.check_mode, warn=module.warn)


def run(module: AnsibleModule, task: t.Callable[[Session, t.Mapping[str, t.Any]], Outcome]) -> None:
    """Do the task with the module's parameters, and end the module."""
    guarded(module, lambda: task(session(module), module.params).result())


def guarded(module: AnsibleModule, work: t.Callable[[], dict[str, t.Any]]) -> None:
    """End the module with what ``work`` returns, or with its error in one line."""
    invocation = {"module_args": _echo(module.params)}
    try:
        result = work()
    except IpvsError as error:
        module.fail_json(msg=str(error), invocation=invocation, **error.details)
    except (ModelError, ParseError, FileProblem, UnitProblem, ProgramMissing) as error:
        module.fail_json(msg=" ".join(str(error).split()), invocation=invocation)
    else:
        if not module._diff:
            result.pop("diff", None)
        module.exit_json(invocation=invocation, **result)


def _echo(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options for ``-vvv``. A large table is not sent back: that would cost more than to compare it."""
    services = params.get("services")
    if services is None or len(services) <= ECHOED_SERVICES:
        return dict(params)
    return {**params, "services": f"({len(services)} services)"}
