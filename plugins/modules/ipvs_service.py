#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: one IPVS virtual service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_service
short_description: Make one virtual service of the kernel's IPVS table as described
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Adds, edits or deletes one virtual service. Other services are not touched.
  - An edit keeps connections. What is left out has its default, so describe the service in full.
  - Destinations are left alone unless O(destinations) is given; then others than those are deleted.
  - For a table that comes back at boot use M(mixed_lb.stack.ipvs_table).
extends_documentation_fragment:
  - mixed_lb.stack.attributes
  - mixed_lb.stack.ipvs.requirements
  - mixed_lb.stack.ipvs.key
  - mixed_lb.stack.ipvs.service
  - mixed_lb.stack.ipvs.change
  - mixed_lb.stack.ipvs.ownership
options:
  state:
    description: Whether the service shall be there. V(absent) looks at nothing but what the service is known by.
    type: str
    default: present
    choices: [present, absent]
seealso:
  - module: mixed_lb.stack.ipvs_table
  - module: mixed_lb.stack.ipvs_destination
"""

EXAMPLES = r"""
- name: A service that keeps the networks of clients together
  mixed_lb.stack.ipvs_service:
    protocol: tcp
    address: 192.0.2.100
    port: 443
    scheduler: wrr
    persistent: 300
    persistence_mask: 24

- name: A DNS service with its servers, each packet by itself
  mixed_lb.stack.ipvs_service:
    protocol: udp
    address: 192.0.2.100
    port: 53
    scheduler: rr
    one_packet: true
    destinations:
      - {address: 192.0.2.21, forward: nat, port: 5353}
      - {address: 192.0.2.22, forward: nat, port: 5353}

- name: Everything with the IPv6 mark 7
  mixed_lb.stack.ipvs_service:
    fwmark: 7
    family: ipv6

- name: No such service any more, after at most a minute
  mixed_lb.stack.ipvs_service:
    protocol: tcp
    address: 192.0.2.100
    port: 443
    state: absent
    drain_timeout: 60
"""

RETURN = r"""
commands:
  description: One C(ipvsadm) command for each record that differs, in their order.
  returned: always
  type: list
  elements: str
  sample: ['ipvsadm -A -t 192.0.2.100:443 -s wrr -p 300 -M 255.255.255.0']
before:
  description: The service as it was, as a list of none or one in the schema of M(mixed_lb.stack.ipvs_table)'s
    services. Empty when nothing changes.
  returned: success
  type: list
  elements: dict
after:
  description: The service as it is now, or would be, in the same schema.
  returned: success
  type: list
  elements: dict
active_connections:
  description: Active connections that were left when drained destinations were deleted.
  returned: when destinations were drained
  type: int
failed_command:
  description: The command that was refused.
  returned: when a command was refused
  type: str
rolled_back:
  description: Whether the table was put back as it was.
  returned: when the table could not be made as described
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import harness, spec, task_table


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            **spec.key(),
            **spec.settings(),
            **spec.change(),
        },
        supports_check_mode=True,
    )
    harness.run(module, task_table.service)


if __name__ == "__main__":
    main()
