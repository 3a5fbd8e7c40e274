#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role must know of a host, in one cheap call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Tell what load-balancing roles must know of a host
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Tells the distribution, kernel, interfaces, default gateways, versions of packages, and who writes IPVS's table.
  - Costs about as much as a ping, which gathering all facts does not. Reads only; it loads no kernel module either.
extends_documentation_fragment:
  - mixed_lb.stack.attributes.info
options:
  packages:
    description:
      - Debian packages whose versions to tell.
    type: list
    elements: str
    default: []
  programs:
    description:
      - Programs to look for.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Look at the host
  mixed_lb.stack.host_info:
    packages: [ipvsadm, keepalived]
  register: host

- name: Refuse a kernel without IPVS
  ansible.builtin.assert:
    that: host.ipvs.available
    fail_msg: "Kernel {{ host.kernel }} has no module ip_vs"
"""

RETURN = r"""
distribution:
  description: The distribution, from C(/etc/os-release).
  returned: success
  type: dict
  sample: {id: debian, version: "12", codename: bookworm}
  contains:
    id:
      description: Its name.
      type: str
    version:
      description: Its version; null for one without, such as Debian's testing.
      type: str
    codename:
      description: Its code name.
      type: str
kernel:
  description: Release of the running kernel.
  returned: success
  type: str
  sample: 6.1.0-50-amd64
interfaces:
  description: Network interfaces, in the kernel's order.
  returned: success
  type: list
  elements: dict
  sample: [{name: eth0, mac: "52:54:00:12:34:56", mtu: 1500, up: true, network_file: null, addresses: [192.0.2.11/24, "2001:db8::11/64"]}]
  contains:
    name:
      description: Name.
      type: str
    mac:
      description: Hardware address.
      type: str
    mtu:
      description: MTU in bytes.
      type: int
    up:
      description: Whether it is up.
      type: bool
    network_file:
      description: The file by which systemd-networkd manages it; null where it does not.
      type: str
    addresses:
      description: Addresses with their prefix lengths.
      type: list
      elements: str
gateways:
  description: The default route of each family that has the least metric in the main table; null where there is none.
  returned: success
  type: dict
  sample: {ipv4: {address: 192.0.2.1, interface: eth0}, ipv6: null}
  contains:
    ipv4:
      description: Next hop and interface for IPv4.
      type: dict
    ipv6:
      description: Next hop and interface for IPv6.
      type: dict
packages:
  description: Version of each of O(packages); null where it is not installed.
  returned: success
  type: dict
  sample: {ipvsadm: "1:1.31-1+b1", keepalived: null}
programs:
  description: Path of each of O(programs); null where it is not installed.
  returned: success
  type: dict
  sample: {ipvsadm: /usr/sbin/ipvsadm, iptables: null}
ipvs:
  description: State of IPVS.
  returned: success
  type: dict
  sample: {loaded: false, available: true, writer: none, timeouts: []}
  contains:
    loaded:
      description: Whether the kernel has it in memory.
      type: bool
    available:
      description: Whether the kernel has it in memory or as a module.
      type: bool
    writer:
      description:
        - Who writes its table, apart from this collection. V(keepalived) if that runs with a C(virtual_server) in its
          configuration, V(ipvsadm_service) if the service of Debian's ipvsadm loads a table at boot, else V(none).
      type: str
    timeouts:
      description: Scopes that set timeouts at boot, by M(mixed_lb.stack.ipvs_timeouts).
      type: list
      elements: str
drained:
  description: Members that this host sends nothing new, with their addresses; see M(mixed_lb.stack.drained_members).
  returned: success
  type: dict
  sample: {web1: [192.0.2.21, "2001:db8:0:2::21"]}
kernel_scopes:
  description: Scopes of M(mixed_lb.stack.kernel_settings) that have something laid down.
  returned: success
  type: list
  elements: str
  sample: [app, app-tunnels]
python:
  description: Version of the Python that runs modules.
  returned: success
  type: str
  sample: 3.11.2
"""

import functools
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command, drained, files, info

NAMES = {"type": "list", "elements": "str", "default": []}
ARGUMENTS = {"packages": NAMES, "programs": NAMES}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    run, store = command.on_host(module), files.on_host(module)
    try:
        found = info.gather(
            module.params["packages"],
            module.params["programs"],
            run,
            store,
            files.HostProc(),
            functools.partial(command.locate, module),
        )
    except (info.InfoProblem, drained.DrainedProblem, files.FileProblem, command.ProgramMissing) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=False, python=".".join(map(str, sys.version_info[:3])), **found)


if __name__ == "__main__":
    main()
