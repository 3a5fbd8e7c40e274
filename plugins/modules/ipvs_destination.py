#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: one real server of one IPVS service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_destination
short_description: Add, change, drain or delete one real server of an IPVS service
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Acts on one destination of one virtual service, which has to be there. Nothing else is touched.
  - To take a server out of service and back, V(drained) and then V(present) need no more than its address.
  - This changes the live table only. What M(mixed_lb.stack.ipvs_table) restores at boot stays as it is.
extends_documentation_fragment:
  - mixed_lb.stack.attributes
  - mixed_lb.stack.ipvs.requirements
  - mixed_lb.stack.ipvs.ownership
options:
  state:
    description:
      - V(present) sets what is given and keeps the rest. A new destination has the defaults named below.
      - V(drained) sets the weight to 0, so that no new connection comes, and waits for O(drain_timeout) at most.
        Clients of a persistent service keep coming unless the sysctl C(net.ipv4.vs.expire_quiescent_template) is 1.
        The weight is remembered in C(/var/lib/mixed_lb/ipvs/weights.json) until V(present) brings it back, or the
        destination is given a weight, also by M(mixed_lb.stack.ipvs_table) or M(mixed_lb.stack.ipvs_service).
      - V(absent) deletes the destination, after O(drain_timeout) at weight 0. One that is left there, as
        O(require_drained) wants it, has its weight remembered, too.
    type: str
    default: present
    choices: [present, drained, absent]
  service:
    description: The virtual service, known by protocol, address and port, or by a firewall mark.
    type: dict
    required: true
    suboptions:
      protocol:
        description: Protocol of a service that is known by its address. Not with O(service.fwmark).
        type: str
        choices: [tcp, udp, sctp]
      address:
        description: The virtual IP address, IPv4 or IPv6. Not with O(service.fwmark).
        type: str
      port:
        description: The port; V(0) for all ports. Not with O(service.fwmark).
        type: int
      fwmark:
        description: A firewall mark, V(1) to V(4294967295), that stands for the service instead of protocol, address
          and port.
        type: int
      family:
        description: Address family of a O(service.fwmark) service, V(ipv4) unless given. Other services have that of
          their address.
        type: str
        choices: [ipv4, ipv6]
  address:
    description: The real server's address. Only with V(tun) may it be of another family than the service.
    type: str
    required: true
  port:
    description: The real server's port, the service's unless given. Only V(nat) can map ports.
    type: int
  forward:
    description:
      - How packets get there, V(dr) unless given. V(dr) rewrites the MAC address, V(nat) addresses and ports, V(tun)
        wraps them.
    type: str
    choices: [dr, nat, tun]
  weight:
    description: Share of the connections, V(1) unless given; V(0) for no new ones. Up to V(2147483647).
    type: int
  upper_threshold:
    description: Connections from which on the destination gets no new ones. V(0), the default, for no limit.
    type: int
  lower_threshold:
    description: Connections below which it gets some again. V(0), the default, for three quarters of the upper one.
    type: int
  tunnel:
    description: How V(tun) wraps packets. The real server has to unwrap them the same way.
    type: dict
    suboptions:
      type:
        description: V(gue) needs a kernel of 5.2 or later, V(gre) of 5.3 or later.
        type: str
        default: ipip
        choices: [ipip, gue, gre]
      port:
        description: UDP port on which the real server unwraps V(gue); required there, refused elsewhere.
        type: int
      checksum:
        description: Checksum in the outer header. V(gre) can do V(none) and V(csum), V(ipip) only V(none).
        type: str
        default: none
        choices: [none, csum, remcsum]
  drain_timeout:
    description:
      - Seconds to wait, with V(drained) and V(absent), until the destination has no active connection. V(0) does not
        wait.
      - UDP services are not waited for, since the end of a UDP exchange cannot be seen. C(ipvsadm) counts all of it as
        inactive connections, until their time is up.
    type: float
    default: 0.0
  require_drained:
    description: Fail when connections are left after O(drain_timeout). With V(absent), do not delete then, but stay
      at weight 0.
    type: bool
    default: false
seealso:
  - module: mixed_lb.stack.ipvs_table
  - module: mixed_lb.stack.ipvs_info
"""

EXAMPLES = r"""
- name: Add a server, or change its weight
  mixed_lb.stack.ipvs_destination:
    service: {protocol: tcp, address: 192.0.2.100, port: 80}
    address: 192.0.2.11
    weight: 3

- name: Take a server out of service, and give its connections five minutes
  mixed_lb.stack.ipvs_destination:
    service: {protocol: tcp, address: 192.0.2.100, port: 80}
    address: 192.0.2.11
    state: drained
    drain_timeout: 300
  register: drained

- name: Back again, with the weight of before
  mixed_lb.stack.ipvs_destination:
    service: {protocol: tcp, address: 192.0.2.100, port: 80}
    address: 192.0.2.11
    state: present

- name: Delete a server of a NAT service with a port of its own, once it has no connection
  mixed_lb.stack.ipvs_destination:
    service: {protocol: tcp, address: '2001:db8::100', port: 443}
    address: 2001:db8::11
    port: 8443
    state: absent
    drain_timeout: 60
    require_drained: true

- name: A server in another network, by a tunnel, for all that the firewall marks with 7
  mixed_lb.stack.ipvs_destination:
    service: {fwmark: 7}
    address: 198.51.100.11
    forward: tun
    tunnel: {type: gre, checksum: csum}
"""

RETURN = r"""
active_connections:
  description: Active connections of the destination that are left after draining, or were when it was deleted. None
    after V(present).
  returned: success
  type: int
commands:
  description: The C(ipvsadm) commands, in their order.
  returned: always
  type: list
  elements: str
  sample: ['ipvsadm -e -t 192.0.2.100:80 -r 192.0.2.11:80 -g -w 0']
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
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import harness, spec, task_destination


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "default": "present", "choices": ["present", "drained", "absent"]},
            "service": {"type": "dict", "required": True, "options": spec.key()},
            **spec.destination(),
            "drain_timeout": {"type": "float", "default": 0.0},
            "require_drained": {"type": "bool", "default": False},
            **spec.ownership(),
        },
        supports_check_mode=True,
    )
    harness.run(module, task_destination.destination)


if __name__ == "__main__":
    main()
