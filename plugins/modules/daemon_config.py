#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scope's part of a daemon's configuration: checked, swapped in, reloaded, probed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: daemon_config
short_description: Give a daemon a new configuration without ever running it on a bad one
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Writes files of a daemon, enables and starts it, and reloads it when a file has changed, as one task.
  - Before anything is touched, the daemon's own program checks the whole tree as it would be. The folders are copied, the
    copies changed, and O(checks) run in a mount namespace in which the copies lie over the real folders.
  - After the reload the O(probes) must pass. Where they do not, or the daemon does not come up, the files from before
    are put back, the daemon is reloaded again, and the task fails with the daemon's own words.
  - Everything belongs to a scope. Scopes of one daemon may want the same file, with the same content. A file that a scope
    wanted in an earlier run and wants no more is put back as it was before the first run, or removed, unless another
    scope still wants it.
  - An interrupted run is finished by the next one, also where all files are right but the daemon was not told.
  - The daemon is reloaded, never restarted, except for a changed file of its own unit or below C(/etc/default); what such
    a file says of restarts after a failure is true without one.
    Units that are no services, such as automounts, cannot be reloaded and are restarted.
  - Keeps what it needs to go back in C(/var/lib/mixed_lb/daemon/NAME.json), readable by root alone, and earlier
    configurations in C(/var/lib/mixed_lb/daemon/NAME.d).
extends_documentation_fragment:
  - mixed_lb.stack.attributes
options:
  name:
    description: Name of the scope, of lower-case letters, digits, C(-) and C(_).
    type: str
    required: true
  state:
    description:
      - V(absent) puts the files back as they were. The daemon is reloaded where it ran before the scope came or other
        scopes need it, else stopped and disabled.
    type: str
    choices: [present, absent]
    default: present
  unit:
    description:
      - The systemd unit, such as V(nginx.service).
      - A scope that had another one before leaves that first, as with O(state=absent), and keeps no earlier configuration of it.
        Where the new one fails, the old one is put back.
    type: str
    required: true
  folders:
    description: Folders that the daemon reads its configuration from, such as V(/etc/nginx). The check sees all of them.
    type: list
    elements: str
    default: []
  files:
    description:
      - Files that the scope wants. Needed where O(state=present).
      - C(@generation@) in a file stands for a digest of all files of the scope, so that a daemon can be asked which
        configuration it runs.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      content:
        description: The text.
        type: str
        required: true
      mode:
        description: Permission bits, in octal.
        type: str
        default: "0644"
      owner:
        description: Owner.
        type: str
        default: root
      group:
        description: Group.
        type: str
        default: root
      keep:
        description: Write the file only where there is none. Others change it, and their content stays.
        type: bool
        default: false
      shared:
        description:
          - Of several scopes that want this file, the one that runs last says what is in it. It warns where another one
            laid it down differently. Without this, two versions of a file are refused.
        type: bool
        default: false
  secret_files:
    description: Files as in O(files) whose content is never shown, neither in a diff nor anywhere else.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      content:
        description: The text.
        type: str
        required: true
      mode:
        description: Permission bits, in octal. Others than owner and group get none.
        type: str
        default: "0600"
      owner:
        description: Owner.
        type: str
        default: root
      group:
        description: Group.
        type: str
        default: root
  checks:
    description: Programs that check the configuration at its real paths.
    type: list
    elements: dict
    default: []
    suboptions:
      argv:
        description: The program and its arguments.
        type: list
        elements: str
        required: true
      refuses:
        description: A regular expression. Output that it matches is a refusal, whatever the exit code says.
        type: str
        default: ""
  probes:
    description: What must be true after a start or reload, within O(probe_timeout). Exactly one of C(address) and C(argv).
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: Where to connect, as V(192.0.2.1:80), V([2001:db8::1]:80), or the path of a Unix socket.
        type: str
        default: ""
      argv:
        description: A program to run instead; its exit code must be 0.
        type: list
        elements: str
        default: []
      send:
        description: What to send after connecting.
        type: str
        default: ""
      expects:
        description: A regular expression that must match in the answer or output; empty if none is needed.
        type: str
        default: ""
  probe_timeout:
    description: Seconds in which all probes must have passed.
    type: float
    default: 10
  backups:
    description: How many earlier configurations to keep.
    type: int
    default: 5
  run:
    description:
      - Name of the run that this is part of; names must sort by time. Of each run, one earlier configuration is kept, and
        M(mixed_lb.stack.daemon_rollback) goes back to what was there before a run.
      - Without it the change counts as part of the run that laid down what is there.
    type: str
    default: ""
seealso:
  - module: mixed_lb.stack.daemon_rollback
notes:
  - In check mode the configuration is checked too, if the daemon is installed.
"""

EXAMPLES = r"""
- name: Add a site to nginx
  mixed_lb.stack.daemon_config:
    name: shop
    unit: nginx.service
    folders: [/etc/nginx]
    files:
      - path: /etc/nginx/conf.d/shop.conf
        content: |
          server {
            listen 8080;
            location = /generation { return 200 "@generation@"; }
          }
    checks:
      - argv: [nginx, -t]
    probes:
      - address: 127.0.0.1:8080
        send: "GET /generation HTTP/1.0\r\n\r\n"
        expects: "@generation@"

- name: Take it away again
  mixed_lb.stack.daemon_config:
    name: shop
    state: absent
    unit: nginx.service
    folders: [/etc/nginx]
    checks:
      - argv: [nginx, -t]
"""

RETURN = r"""
files:
  description: Files that were written or removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [/etc/nginx/conf.d/shop.conf]
actions:
  description: What systemctl did, or in check mode would do.
  returned: success
  type: list
  elements: str
  sample: [enable, start]
generation:
  description: The digest that stands for C(@generation@).
  returned: success
  type: str
  sample: 0a1b2c3d4e5f
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.app import Host, Outcome, apply
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.model import DaemonProblem
from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.wanted import wanted_of
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command, files


def file_options(mode: str, *, secret: bool) -> dict[str, t.Any]:
    return {
        "path": {"type": "str", "required": True},
        "content": {"type": "str", "required": True, "no_log": secret},
        "mode": {"type": "str", "default": mode},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
    }


FLAGS = {
    "keep": {"type": "bool", "default": False},
    "shared": {"type": "bool", "default": False},
}
CHECK = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "refuses": {"type": "str", "default": ""},
}
PROBE = {
    "address": {"type": "str", "default": ""},
    "argv": {"type": "list", "elements": "str", "default": []},
    "send": {"type": "str", "default": ""},
    "expects": {"type": "str", "default": ""},
}


def dicts(options: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"type": "list", "elements": "dict", "default": [], "options": options}


ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "unit": {"type": "str", "required": True},
    "folders": {"type": "list", "elements": "str", "default": []},
    "files": dicts({**file_options("0644", secret=False), **FLAGS}),
    "secret_files": {**dicts(file_options("0600", secret=True)), "no_log": False},
    "checks": dicts(CHECK),
    "probes": dicts(PROBE),
    "probe_timeout": {"type": "float", "default": 10},
    "backups": {"type": "int", "default": 5},
    "run": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    host = Host(command.on_host(module), files.on_host(module), lambda program: command.locate(module, program))
    try:
        outcome = apply(wanted_of(module.params), host, check_only=module.check_mode)
    except (DaemonProblem, files.FileProblem, command.ProgramMissing) as problem:
        module.fail_json(msg=f"{module.params['name']}: {problem}")
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(**_result(outcome))


def _result(outcome: Outcome) -> dict[str, t.Any]:
    return {
        "changed": outcome.changed,
        "files": [change.path for change in outcome.changes],
        "actions": outcome.actions,
        "generation": outcome.generation,
        "diff": [change.diff() for change in outcome.changes],
    }


if __name__ == "__main__":
    main()
