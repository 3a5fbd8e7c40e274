#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: what is in the kernel's IPVS table."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_info
short_description: Read the kernel's IPVS table
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Reads virtual services and their destinations in the schema that M(mixed_lb.stack.ipvs_table) takes.
  - Loads no kernel module. While C(ip_vs) is not loaded there is no table, and nothing is run.
extends_documentation_fragment:
  - mixed_lb.stack.attributes.info
  - mixed_lb.stack.ipvs.requirements
options:
  gather:
    description:
      - What to read besides the table itself.
      - V(activity) adds C(active_connections) and C(inactive_connections) to each destination, V(persistent) adds
        C(persistent_connections).
      - V(stats) adds totals and V(rates) adds values a second to each service and destination. They lag by up to two
        seconds, and a destination's packets and connections begin anew after 4294967295.
      - V(timeouts), V(daemons) and V(connections) read the timeouts, the sync daemons and every entry of the
        connection table.
      - Without the first four, RV(services) can be given to M(mixed_lb.stack.ipvs_table) as it is.
    type: list
    elements: str
    default: []
    choices: [activity, persistent, stats, rates, timeouts, daemons, connections]
seealso:
  - module: mixed_lb.stack.ipvs_table
"""

EXAMPLES = r"""
- name: Read the table and how busy it is
  mixed_lb.stack.ipvs_info:
    gather: [activity, stats]
  register: ipvs

- name: Read which connections another director told this one about
  mixed_lb.stack.ipvs_info:
    gather: [connections, daemons]
  register: backup

- name: Show them
  ansible.builtin.debug:
    msg: "{{ backup.connections | selectattr('origin', 'eq', 'SYNC') }}"
"""

RETURN = r"""
loaded:
  description: Whether the kernel has C(ip_vs) loaded.
  returned: always
  type: bool
version:
  description: Version of the kernel's IPVS; none while it is not loaded.
  returned: always
  type: str
  sample: 1.2.1
size:
  description: How many buckets the connection table has; none while it is not loaded. Kernels that size it as needed
    say V(0) before the first service.
  returned: always
  type: int
  sample: 4096
services:
  description: The services with their destinations, in the schema of M(mixed_lb.stack.ipvs_table)'s services.
  returned: always
  type: list
  elements: dict
timeouts:
  description: C(tcp), C(tcpfin) and C(udp) in seconds.
  returned: when gathered
  type: dict
daemons:
  description: The sync daemons that run, in the names of M(mixed_lb.stack.ipvs_sync_daemon)'s options.
  returned: when gathered
  type: list
  elements: dict
connections:
  description: The connection table.
  returned: when gathered
  type: list
  elements: dict
  contains:
    protocol:
      description: V(tcp), V(udp) or V(sctp); V(ip) for the template of a persistent firewall mark service.
      type: str
    client:
      description: The client's address.
      type: str
    client_port:
      description: The client's port; 0 in a template of persistence.
      type: int
    virtual:
      description: The virtual address, or the firewall mark as an address.
      type: str
    virtual_port:
      description: The virtual port.
      type: int
    destination:
      description: The real server's address.
      type: str
    destination_port:
      description: The real server's port.
      type: int
    state:
      description: The state as IPVS names it.
      type: str
      sample: ESTABLISHED
    origin:
      description: V(LOCAL), or V(SYNC) for what another director told about.
      type: str
    expires:
      description: Seconds until the entry goes.
      type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import harness, task_info


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "gather": {
                "type": "list",
                "elements": "str",
                "default": [],
                "choices": ["activity", "persistent", "stats", "rates", "timeouts", "daemons", "connections"],
            },
        },
        supports_check_mode=True,
    )
    harness.guarded(
        module, lambda: {"changed": False, **task_info.info(harness.session(module), module.params["gather"])}
    )


if __name__ == "__main__":
    main()
