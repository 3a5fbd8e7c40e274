#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits on a balancer until nothing is in flight to a drained member."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drain_wait
short_description: Wait until nothing is in flight to a drained member
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Counts what this balancer has under way to some members, until it is nothing or the time is up. What is left is
    returned, and no failure.
  - In the kernel's IPVS table these are active connections; of nginx and HAProxy, processes included that only finish what
    they have begun, established TCP connections to the member. UDP has no connections that end.
extends_documentation_fragment:
  - mixed_lb.stack.attributes.info
options:
  members:
    description:
      - Where the members are asked, each with C(address) and C(port), V(0) for all ports. What else is in an entry is not
        looked at, so those of the C(status) of M(mixed_lb.stack.stack_plan) will do.
    type: list
    elements: dict
    required: true
  timeout:
    description: Seconds to wait at most.
    type: float
    default: 60
  at_least:
    description: Seconds to wait in any case, within O(timeout). Clients keep an answer of the DNS as long as its TTL.
    type: float
    default: 0
seealso:
  - module: mixed_lb.stack.drained_members
"""

EXAMPLES = r"""
- name: Wait for the downloads that are under way
  mixed_lb.stack.drain_wait:
    members:
      - {address: 192.0.2.21, port: 8080}
    timeout: 300
  register: drain

- name: Say what is left
  ansible.builtin.debug:
    msg: "{{ drain.connections }} connections are left"
  when: drain.connections > 0
"""

RETURN = r"""
connections:
  description: How many are left.
  returned: success
  type: int
left:
  description: The same by address.
  returned: success
  type: dict
  sample: {192.0.2.21: 3}
waited:
  description: Seconds.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import harness
from ansible_collections.mixed_lb.stack.plugins.module_utils.stack import flight

ARGUMENTS = {
    "members": {"type": "list", "elements": "dict", "required": True},
    "timeout": {"type": "float", "default": 60},
    "at_least": {"type": "float", "default": 0},
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    options = module.params

    def work() -> dict[str, object]:
        members = [flight.place(str(one.get("address", "")), int(one.get("port") or 0)) for one in options["members"]]
        # in check mode nothing was drained that could end
        limits = (0.0, 0.0) if module.check_mode else (options["timeout"], options["at_least"])
        return {"changed": False, **flight.wait(harness.session(module), members, *limits)}

    harness.guarded(module, work)


if __name__ == "__main__":
    main()
