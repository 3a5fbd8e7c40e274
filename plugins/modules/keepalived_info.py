#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the VRRP instances of a host, in the daemon's own words."""

from __future__ import annotations

DOCUMENTATION = r"""
module: keepalived_info
short_description: Tell which VIPs a host holds, and in which state its VRRP instances are
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Asks the running keepalived for the state of its VRRP instances. Nothing is changed; the daemon leaves its answer in
    C(/tmp/keepalived.json), readable by root alone.
extends_documentation_fragment:
  - mixed_lb.stack.attributes.info
options:
  timeout:
    description: Seconds to wait for the answer.
    type: float
    default: 5
"""

EXAMPLES = r"""
- name: Ask who holds the VIPs
  mixed_lb.stack.keepalived_info:
  register: vrrp

- name: Show it
  ansible.builtin.debug:
    msg: "{{ vrrp.instances | items2dict(key_name='name', value_name='state') }}"
"""

RETURN = r"""
running:
  description: Whether keepalived runs.
  returned: success
  type: bool
instances:
  description: VRRP instances.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name.
      type: str
    state:
      description: One of V(init), V(backup), V(master), V(fault).
      type: str
    wanted_state:
      description: The state that it is on its way to.
      type: str
    interface:
      description: Interface.
      type: str
    virtual_router_id:
      description: Number that its hosts share.
      type: int
    priority:
      description: Priority now, with what trackers add and take.
      type: int
    base_priority:
      description: Priority in the configuration.
      type: int
    master_priority:
      description: Priority of the master that it hears; 0 where it hears none.
      type: int
    advert_interval:
      description: Seconds between two adverts.
      type: float
    preempt:
      description: Whether it takes the VIPs from a master of lower priority.
      type: bool
    last_transition:
      description: Seconds since 1970 at the last change of the state.
      type: float
    addresses:
      description: VIPs.
      type: list
      elements: dict
      contains:
        address:
          description: The address.
          type: str
        held:
          description: Whether this host holds it.
          type: bool
    statistics:
      description: Counters of adverts, of changes and of errors.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.keepalived.app import InfoProblem, info
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command, files


def main() -> None:
    module = AnsibleModule({"timeout": {"type": "float", "default": 5}}, supports_check_mode=True)
    try:
        found = info(command.on_host(module), files.on_host(module), module.params["timeout"])
    except (InfoProblem, files.FileProblem, command.ProgramMissing) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
