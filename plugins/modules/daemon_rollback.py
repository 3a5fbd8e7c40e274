#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings back what daemons ran with before a run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: daemon_rollback
short_description: Bring back the configuration that daemons had before a run
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Goes back to a configuration that M(mixed_lb.stack.daemon_config) has kept. The host has all that is needed, so the
    description that led to it may be lost, or wrong by now.
  - It is a change as any other. The daemon's own program checks the whole tree, the daemon is reloaded, and the probes that
    the earlier configuration has passed must pass again; else all is put back and the task fails.
  - A scope that the run has not changed stays as it is, and so does one of which nothing earlier is kept. So a repeated
    task changes nothing, and one that was interrupted is finished.
extends_documentation_fragment:
  - mixed_lb.stack.attributes
options:
  names:
    description: Names of scopes, in the order in which they go back. Those that are not on the host are passed over.
    type: list
    elements: str
    required: true
  run:
    description: The run to undo, as O(mixed_lb.stack.daemon_config#module:run) named it.
    type: str
    required: true
seealso:
  - module: mixed_lb.stack.daemon_config
  - module: mixed_lb.stack.stack_info
"""

EXAMPLES = r"""
- name: Undo what the run of noon has changed in nginx
  mixed_lb.stack.daemon_rollback:
    names: [nginx-shop, nginx-checker-shop]
    run: 20261124T120000Z
"""

RETURN = r"""
scopes:
  description: The scopes that went back, or in check mode would.
  returned: success
  type: list
  elements: str
  sample: [nginx-shop]
files:
  description: Files that were written or removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [/etc/nginx/mixed_lb/http/shop.conf]
actions:
  description: What systemctl did, or in check mode would do.
  returned: success
  type: list
  elements: str
  sample: [reload]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.app import Host
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.model import DaemonProblem
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.rollback import roll_back
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command, files

ARGUMENTS = {
    "names": {"type": "list", "elements": "str", "required": True},
    "run": {"type": "str", "required": True},
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    host = Host(command.on_host(module), files.on_host(module), lambda program: command.locate(module, program))
    done = {}
    for name in module.params["names"]:
        try:
            outcome = roll_back(name, module.params["run"], host, check_only=module.check_mode)
        except (DaemonProblem, files.FileProblem, command.ProgramMissing) as problem:
            module.fail_json(msg=f"{name}: {problem}", scopes=list(done))
        if outcome is not None and outcome.changed:
            done[name] = outcome
            for warning in outcome.warnings:
                module.warn(warning)
    changes = [change for outcome in done.values() for change in outcome.changes]
    module.exit_json(
        changed=bool(done),
        scopes=list(done),
        files=[change.path for change in changes],
        actions=[action for outcome in done.values() for action in outcome.actions],
        diff=[change.diff() for change in changes],
    )


if __name__ == "__main__":
    main()
