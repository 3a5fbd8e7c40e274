#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: the kernel's connection synchronisation between directors."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_sync_daemon
short_description: Start or stop the daemon that tells other directors about connections
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Manages the kernel's IPVS sync daemons. A C(master) sends its connections by multicast, a C(backup) takes them
    over. Both may run on one host.
  - A daemon that runs with other values is stopped and started anew. Should that be refused, it is started as it was.
  - IPVS refuses sync daemons while a destination is of another address family than its service.
extends_documentation_fragment:
  - mixed_lb.stack.attributes
  - mixed_lb.stack.ipvs.requirements
  - mixed_lb.stack.ipvs.ownership
options:
  state:
    description: Whether the daemon of this O(role) shall run.
    type: str
    default: started
    choices: [started, stopped]
  role:
    description: Which of the two daemons.
    type: str
    required: true
    choices: [master, backup]
  interface:
    description: The interface to send and receive on. It needs an address. Required with O(state=started).
    type: str
  sync_id:
    description: Number of the group of directors, V(0) to V(255). A backup takes what carries its own, or everything
      with V(0).
    type: int
    default: 0
  group:
    description: The multicast address, IPv4 or IPv6.
    type: str
    default: 224.0.0.81
  port:
    description: The UDP port; more are used where the sysctl C(net.ipv4.vs.sync_ports) says so.
    type: int
    default: 8848
  ttl:
    description: How many routers the messages may pass.
    type: int
    default: 1
  max_length:
    description:
      - Bytes in a message at most, up to V(65507), or V(65487) with an IPv6 O(group). A backup has V(1024) at least, and needs
        as many as its master.
      - Unless this is given, the kernel takes what a packet of 1500 bytes holds for a master, whatever the interface's MTU is,
        and for a backup what one of the interface's MTU holds, if that is more.
    type: int
  persist:
    description:
      - V(true) starts the same daemon at boot, by C(mixed-lb-ipvs.sync-ROLE.service), once the network is up.
        V(false), and O(state=stopped) with V(true), take that unit away.
      - What boot does is left as it is unless this is given.
    type: bool
"""

EXAMPLES = r"""
- name: Tell the other director about connections
  mixed_lb.stack.ipvs_sync_daemon:
    role: master
    interface: eth1
    sync_id: 5
    persist: true

- name: Take no more connections over
  mixed_lb.stack.ipvs_sync_daemon:
    role: backup
    state: stopped
    persist: false
"""

RETURN = r"""
commands:
  description: The C(ipvsadm) commands, none when nothing differs.
  returned: always
  type: list
  elements: str
  sample: ['ipvsadm --stop-daemon master']
before:
  description: The daemon as it ran, in the names of the options; empty when none did.
  returned: success
  type: dict
after:
  description: The daemon as it runs now, or would; empty for none.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import harness, spec, task_kernel


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "default": "started", "choices": ["started", "stopped"]},
            "role": {"type": "str", "required": True, "choices": ["master", "backup"]},
            "interface": {"type": "str"},
            "sync_id": {"type": "int", "default": 0},
            "group": {"type": "str", "default": "224.0.0.81"},
            "port": {"type": "int", "default": 8848},
            "ttl": {"type": "int", "default": 1},
            "max_length": {"type": "int"},
            "persist": {"type": "bool"},
            **spec.ownership(),
        },
        required_if=[("state", "started", ("interface",))],
        supports_check_mode=True,
    )
    harness.run(module, task_kernel.sync_daemon)


if __name__ == "__main__":
    main()
