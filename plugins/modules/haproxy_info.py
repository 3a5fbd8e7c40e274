#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frontends, backends and servers of a running HAProxy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_info
short_description: Tell which servers of a running HAProxy serve, and what they have to do
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Asks a running HAProxy over its socket. Nothing is changed.
extends_documentation_fragment:
  - mixed_lb.stack.attributes.info
options:
  socket:
    description: Path of the socket, which needs C(level admin) or C(level operator).
    type: path
    default: /run/haproxy/admin.sock
seealso:
  - module: mixed_lb.stack.haproxy_server
"""

EXAMPLES = r"""
- name: Ask for the servers
  mixed_lb.stack.haproxy_info:
  register: haproxy

- name: Show those that do not serve
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.servers | rejectattr('up') | map(attribute='name') | join(', ') }}"
  loop: "{{ haproxy.backends }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
running:
  description: Whether HAProxy runs. Where it does not, the rest is empty.
  returned: success
  type: bool
version:
  description: Version of the running process.
  returned: success
  type: str
  sample: 2.6.12-1+deb12u4
uptime:
  description: Seconds since its start or last reload.
  returned: success
  type: int
generations:
  description: The generation of each scope's configuration that runs, by the scope's name with C(_) in place of C(-).
  returned: success
  type: dict
  sample: {app: 0a1b2c3d4e5f}
frontends:
  description: Frontends.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
    status:
      description: V(OPEN), or what keeps clients out.
      type: str
    mode:
      description: V(http) or V(tcp).
      type: str
    sessions:
      description: Open sessions.
      type: int
    queued:
      description: Always 0.
      type: int
    sessions_total:
      description: Sessions since the start.
      type: int
backends:
  description: Backends.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
    status:
      description: V(UP) or V(DOWN).
      type: str
    mode:
      description: V(http) or V(tcp).
      type: str
    sessions:
      description: Open sessions.
      type: int
    queued:
      description: Requests that wait.
      type: int
    sessions_total:
      description: Sessions since the start.
      type: int
    servers:
      description: Servers.
      type: list
      elements: dict
      contains:
        name:
          description: Name.
          type: str
        address:
          description: Address or name.
          type: str
        port:
          description: Port.
          type: int
        state:
          description: What it was told to be, V(ready), V(drain) or V(maint).
          type: str
        weight:
          description: Weight.
          type: int
        up:
          description: Whether it can serve.
          type: bool
        status:
          description: The status in HAProxy's words.
          type: str
        check:
          description: Result of the last check, as V(L7OK); empty where it is not checked.
          type: str
        backup:
          description: Whether it is a backup.
          type: bool
        sessions:
          description: Open sessions.
          type: int
        queued:
          description: Requests that wait for it.
          type: int
        sessions_total:
          description: Sessions since the start.
          type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.app import info
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.client import NotRunning, over_socket
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.model import HaproxyProblem

NOTHING = {"version": "", "uptime": 0, "generations": {}, "frontends": [], "backends": []}


def main() -> None:
    module = AnsibleModule({"socket": {"type": "path", "default": "/run/haproxy/admin.sock"}}, supports_check_mode=True)
    try:
        found = {"running": True, **info(over_socket(module.params["socket"]))}
    except NotRunning:
        found = {"running": False, **NOTHING}
    except HaproxyProblem as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
