#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: a whole IPVS table."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_table
short_description: Make the kernel's IPVS table as described, now and at boot
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Compares the live table with the services described and sends one command for each record that differs, all in
    one call.
  - Destinations of a described service are exact, so extra ones are deleted. Other services are not touched, unless
    O(purge) says so.
  - Records are edited in place, what is new comes before anything goes, and connections that exist go on.
  - Afterwards the table is read again. A command that was refused is named, in the words of C(ipvsadm), and the
    table is put back.
extends_documentation_fragment:
  - mixed_lb.stack.attributes
  - mixed_lb.stack.ipvs.requirements
  - mixed_lb.stack.ipvs.change
  - mixed_lb.stack.ipvs.ownership
options:
  services:
    description: The virtual services, each known by protocol, address and port, or by a firewall mark.
    type: list
    elements: dict
    required: true
    suboptions:
      protocol:
        description: Protocol of a service that is known by its address. Not with O(services[].fwmark).
        type: str
        choices: [tcp, udp, sctp]
      address:
        description: The virtual IP address, IPv4 or IPv6. Not with O(services[].fwmark).
        type: str
      port:
        description: The port; V(0) for all ports, which needs O(services[].persistent). Not with O(services[].fwmark).
        type: int
      fwmark:
        description: A firewall mark, V(1) to V(4294967295), that stands for the service instead of protocol, address
          and port.
        type: int
      family:
        description: Address family of a O(services[].fwmark) service, V(ipv4) unless given. Other services have that
          of their address.
        type: str
        choices: [ipv4, ipv6]
      scheduler:
        description:
          - How a destination is chosen for a new connection. V(none) lets no new connection through.
          - V(twos) is missing in some kernels, Debian 12's among them.
        type: str
        default: wlc
        choices: [rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, none]
      scheduler_flags:
        description:
          - V(sh-fallback) and V(sh-port) for scheduler V(sh), V(mh-fallback) and V(mh-port) for V(mh); V(flag-1),
            V(flag-2) and V(flag-3) for the others.
          - Without V(sh-fallback) or V(mh-fallback) clients that are hashed to a destination of weight 0 are refused.
        type: list
        elements: str
        default: []
      persistent:
        description: Seconds for which a client stays with its destination, up to V(2678400). V(0) is off.
        type: int
        default: 0
      persistence_mask:
        description: Prefix length of the networks whose clients stay together. Each client by itself unless given.
        type: int
      persistence_engine:
        description: Keep together by what is in the packets instead of by address; V(sip) by SIP's Call-ID.
        type: str
        choices: [sip]
      one_packet:
        description: Schedule every packet by itself. For UDP and O(services[].fwmark) services only.
        type: bool
        default: false
      destinations:
        description: The real servers.
        type: list
        elements: dict
        suboptions:
          address:
            description: The real server's address. Only with V(tun) may it be of another family than the service.
            type: str
            required: true
          port:
            description: The real server's port, the service's unless given. Only V(nat) can map ports.
            type: int
          forward:
            description:
              - How packets get there, V(dr) unless given. V(dr) rewrites the MAC address, V(nat) addresses and
                ports, V(tun) wraps them.
            type: str
            choices: [dr, nat, tun]
          weight:
            description: Share of the connections, V(1) unless given; V(0) for no new ones. Up to V(2147483647).
            type: int
          upper_threshold:
            description: Connections from which on the destination gets no new ones. V(0), the default, for no limit.
            type: int
          lower_threshold:
            description: Connections below which it gets some again. V(0), the default, for three quarters of the
              upper one.
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
  restrict:
    description:
      - 'What belongs to this task: virtual IP addresses, and firewall marks written as C({fwmark: 7}).'
      - A service outside of it is not touched, unless O(persist) tells that it was of this task, and describing one is an
        error.
    type: list
    elements: raw
  purge:
    description:
      - Delete the services within O(restrict), which is required then, that are not described.
      - With O(persist) also those that boot restores so far for the same scope and for no other, wherever they are. So an
        address or a firewall mark that is taken out of the description leaves nothing.
    type: bool
    default: false
  persist:
    description:
      - Name of a scope, of small letters, digits, V(_) and V(-). The services described are restored at boot under
        this name, by C(/etc/mixed_lb/ipvs/SCOPE.rules) and C(mixed-lb-ipvs-SCOPE.service). An empty list of services
        takes both away.
      - Boot gives the weights described, also with O(keep_weights).
      - Refused where C(/etc/default/ipvsadm) has C(AUTO="true"), as that service empties the table.
    type: str
seealso:
  - module: mixed_lb.stack.ipvs_info
  - module: mixed_lb.stack.ipvs_destination
"""

EXAMPLES = r"""
- name: Two web servers behind one address, also after a reboot
  mixed_lb.stack.ipvs_table:
    services:
      - protocol: tcp
        address: 192.0.2.100
        port: 80
        scheduler: wrr
        destinations:
          - {address: 192.0.2.11, weight: 3}
          - {address: 192.0.2.12}
    restrict: [192.0.2.100]
    purge: true
    persist: web

- name: Port mapping, a hash with fallback, and servers that somebody drained stay drained
  mixed_lb.stack.ipvs_table:
    services:
      - protocol: tcp
        address: 2001:db8::100
        port: 443
        scheduler: mh
        scheduler_flags: [mh-fallback, mh-port]
        destinations:
          - {address: '2001:db8::11', port: 8443, forward: nat}
          - {address: '2001:db8::12', port: 8443, forward: nat, upper_threshold: 1000}
    keep_weights: true

- name: HTTP and HTTPS of one client to one server, by a firewall mark, through tunnels
  mixed_lb.stack.ipvs_table:
    services:
      - fwmark: 7
        persistent: 360
        destinations:
          - {address: 198.51.100.11, forward: tun}
          - {address: 203.0.113.12, forward: tun, tunnel: {type: gue, port: 6080, checksum: csum}}
    restrict:
      - fwmark: 7
    purge: true
    drain_timeout: 60

- name: Nothing of this is wanted any more
  mixed_lb.stack.ipvs_table:
    services: []
    restrict: [192.0.2.100]
    purge: true
    persist: web
"""

RETURN = r"""
commands:
  description: One C(ipvsadm) command for each record that differs, in their order.
  returned: always
  type: list
  elements: str
  sample: ['ipvsadm -e -t 192.0.2.100:80 -r 192.0.2.11:80 -g -w 3']
before:
  description: The services that this task changes as they were, in the schema of O(services).
  returned: success
  type: list
  elements: dict
after:
  description: The services that this task changes as they are now, or would be.
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
applied:
  description: Commands that were in effect before the table was put back, or are.
  returned: when the table could not be made as described
  type: list
  elements: str
not_applied:
  description: Commands that were not in effect.
  returned: when the table could not be made as described
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.ipvs import harness, spec, task_table


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "services": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {**spec.key(), **spec.settings()},
            },
            "restrict": {"type": "list", "elements": "raw"},
            "purge": {"type": "bool", "default": False},
            "persist": {"type": "str"},
            **spec.change(),
        },
        required_if=[("purge", True, ("restrict",))],
        supports_check_mode=True,
    )
    harness.run(module, task_table.table)


if __name__ == "__main__":
    main()
