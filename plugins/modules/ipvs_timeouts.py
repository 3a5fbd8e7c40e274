#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: how long IPVS remembers idle connections."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_timeouts
short_description: Set how long IPVS remembers idle connections
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Sets the timeouts of the kernel's IPVS, which C(ipvsadm) neither saves nor restores with the table.
extends_documentation_fragment:
  - mixed_lb.stack.attributes
  - mixed_lb.stack.ipvs.requirements
  - mixed_lb.stack.ipvs.ownership
options:
  tcp:
    description: Seconds for an established TCP connection. V(0) or nothing keeps what is there; the kernel begins
      with 900.
    type: int
  tcpfin:
    description: Seconds for a TCP connection after its FIN. V(0) or nothing keeps what is there; the kernel begins
      with 120.
    type: int
  udp:
    description: Seconds for UDP. V(0) or nothing keeps what is there; the kernel begins with 300.
    type: int
  persist:
    description:
      - Scope whose part this is. Boot sets the same by its unit, C(mixed-lb-ipvs.timeouts.SCOPE.service); without any value
        the unit goes. What boot does is left as it is unless this is given.
      - A value that the scope has set before, and that is not given any more, is the kernel's own again, unless another scope
        sets it. The values are the whole kernel's, so scopes must agree.
    type: str
"""

EXAMPLES = r"""
- name: Shorter memory for idle connections, also after a reboot
  mixed_lb.stack.ipvs_timeouts:
    tcp: 600
    udp: 60
    persist: shop

- name: As if it had never been
  mixed_lb.stack.ipvs_timeouts:
    persist: shop
"""

RETURN = r"""
commands:
  description: The C(ipvsadm) commands, none when nothing differs.
  returned: always
  type: list
  elements: str
  sample: ['ipvsadm --set 600 0 60']
before:
  description: C(tcp), C(tcpfin) and C(udp) as they were, in seconds.
  returned: success
  type: dict
after:
  description: C(tcp), C(tcpfin) and C(udp) as they are now, or would be.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import harness, spec, task_kernel


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "tcp": {"type": "int"},
            "tcpfin": {"type": "int"},
            "udp": {"type": "int"},
            "persist": {"type": "str"},
            **spec.ownership(),
        },
        supports_check_mode=True,
    )
    harness.run(module, task_kernel.timeouts)


if __name__ == "__main__":
    main()
