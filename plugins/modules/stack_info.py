#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host of a stack does now, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_info
short_description: Tell all that a host of a load-balancing stack does now
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Reads the IPVS table with its connections, the addresses of the host, the VRRP instances of keepalived, the servers of
    HAProxy, what the checks of nginx know, the states of the units, and who is drained. Changes nothing, and loads no
    kernel module.
  - What is not on the host is null. A daemon that runs but does not tell is one of RV(problems), and no failure.
  - M(mixed_lb.stack.stack_plan) compares the answers of all hosts with the description of the stack.
extends_documentation_fragment:
  - mixed_lb.stack.attributes.info
options:
  haproxy_socket:
    description: HAProxy's runtime socket.
    type: path
    default: /run/haproxy/admin.sock
  nginx_status:
    description: Where the status page of nginx listens, C(nginx_lb_status_listen) of the role.
    type: str
    default: 127.0.0.1:8090
  timeout:
    description: Seconds to wait for an answer of keepalived or nginx.
    type: float
    default: 5
seealso:
  - module: mixed_lb.stack.ipvs_info
  - module: mixed_lb.stack.keepalived_info
  - module: mixed_lb.stack.haproxy_info
  - module: mixed_lb.stack.stack_plan
"""

EXAMPLES = r"""
- name: Look at the host
  mixed_lb.stack.stack_info:
  register: lb_seen

- name: Show what does not tell
  ansible.builtin.debug:
    var: lb_seen.problems
"""

RETURN = r"""
interfaces:
  description: The network interfaces with their addresses, as M(mixed_lb.stack.host_info) tells them.
  returned: success
  type: list
  elements: dict
units:
  description:
    - State of each unit that there is, of C(nginx), C(haproxy), C(keepalived), C(pdns) and those whose names begin with
      C(mixed-lb-).
  returned: success
  type: dict
  sample: {keepalived.service: active, mixed-lb-network-app.service: active}
ipvs:
  description: The IPVS table; null while it is not loaded.
  returned: success
  type: dict
  contains:
    services:
      description: As M(mixed_lb.stack.ipvs_info) returns them, with V(activity) and V(rates).
      type: list
      elements: dict
keepalived:
  description: What keepalived says; null where it does not run.
  returned: success
  type: dict
  contains:
    instances:
      description: As M(mixed_lb.stack.keepalived_info) returns them.
      type: list
      elements: dict
    maintenance:
      description: The tiers whose VIPs this host keeps away from itself.
      type: list
      elements: str
    moving:
      description: Those of them that a failover moves, which ends that when it is through.
      type: list
      elements: str
haproxy:
  description: What HAProxy says; null where it does not run.
  returned: success
  type: dict
  contains:
    backends:
      description: As M(mixed_lb.stack.haproxy_info) returns them.
      type: list
      elements: dict
nginx:
  description: What nginx and the checkers beside it say; null where neither is there.
  returned: success
  type: dict
  contains:
    active_connections:
      description: Connections that nginx has; null where its status page does not answer.
      type: int
    pools:
      description:
        - By tier, pool and server what its checker knows. C(ok), since when (C(since), in seconds since 1970) and why not
          (C(reason)); C(out) says whether it gets no traffic, C(drained) whether that is wanted; C(weight).
      type: dict
      sample:
        shop:
          http/shop:
            192.0.2.21:8080: {ok: true, out: false, since: 0, reason: "", weight: 1, drained: false}
drained:
  description: Members that this host sends nothing new, with their addresses.
  returned: success
  type: dict
  sample: {web1: [192.0.2.21, "2001:db8:0:2::21"]}
configurations:
  description:
    - By scope of M(mixed_lb.stack.daemon_config) the C(run) that laid down what is there, and the runs of the C(earlier)
      configurations that are kept, the oldest first.
  returned: success
  type: dict
  sample: {nginx-shop: {run: 20261124T120000Z, earlier: [20261101T080000Z]}}
problems:
  description: What could not be asked, and why.
  returned: success
  type: list
  elements: str
  sample: ["keepalived: keepalived did not tell its state within 5 s: it wrote nothing"]
"""

import functools

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.client import over_socket
from ansible_collections.mixed_lb.stack.plugins.module_utils.stack import seen, status_page
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command, files

ARGUMENTS = {
    "haproxy_socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
    "nginx_status": {"type": "str", "default": "127.0.0.1:8090"},
    "timeout": {"type": "float", "default": 5},
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    options = module.params
    page = functools.partial(status_page.fetch, options["nginx_status"], options["timeout"])
    host = seen.Host(command.on_host(module), files.on_host(module), over_socket(options["haproxy_socket"]), page)
    module.exit_json(changed=False, **seen.look(host, options["timeout"]))


if __name__ == "__main__":
    main()
