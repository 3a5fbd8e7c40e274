#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits on a director for the end of the connections that are open when it begins."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_wait
short_description: Wait until the connections that are open now have ended
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Notes the TCP connections to some virtual addresses that the kernel has open, and waits until each of them has ended or
    the time is up. Connections that come later are not waited for. What is left is returned, and no failure.
  - A connection keeps the forwarding method that it began with. So what an old method needs can go once this has waited
    for those from before the change.
  - UDP has no connections that end.
extends_documentation_fragment:
  - mixed_lb.stack.attributes.info
options:
  vips:
    description: The virtual addresses.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait at most.
    type: float
    default: 60
seealso:
  - module: mixed_lb.stack.drain_wait
"""

EXAMPLES = r"""
- name: Wait for the downloads that have begun in the old mode
  mixed_lb.stack.ipvs_wait:
    vips: [192.0.2.100, "2001:db8:0:2::100"]
    timeout: 300
  register: old

- name: Say what is left
  ansible.builtin.debug:
    msg: "{{ old.connections }} of {{ old.known }} connections are left"
  when: old.connections > 0
"""

RETURN = r"""
known:
  description: How many connections were open at the beginning.
  returned: success
  type: int
connections:
  description: How many of these are left.
  returned: success
  type: int
left:
  description: The same by real server.
  returned: success
  type: dict
  sample: {192.0.2.21: 3}
states:
  description: The same by the state that the kernel has them in.
  returned: success
  type: dict
  sample: {ESTABLISHED: 3}
waited:
  description: Seconds.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import connections, harness

ARGUMENTS = {
    "vips": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "float", "default": 60},
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    options = module.params

    def work() -> dict[str, object]:
        # in check mode nothing has changed that an old connection could miss
        timeout = 0.0 if module.check_mode else options["timeout"]
        return {"changed": False, **connections.wait(harness.session(module), options["vips"], timeout)}

    harness.guarded(module, work)


if __name__ == "__main__":
    main()
