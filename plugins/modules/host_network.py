#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, tunnels, routes, rules, marks and source NAT of one scope, now and at boot."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_network
short_description: Lay down the addresses, tunnels, routes and packet rules of a load-balancing role
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Makes virtual addresses, tunnel devices, routes, routing rules, firewall marks and source NAT true on the running
    host, as one task, and lays down a script and a systemd unit that bring them back at boot, beside whatever manages
    the network otherwise.
  - Everything belongs to a scope. What a scope wanted in an earlier run and wants no more is taken away, unless another
    scope wants it too. What was there before the scope came is put back. Anything else is never touched.
  - Additions come before removals, nothing is flushed and no interface is taken down. If a step fails, the earlier
    ones are taken back.
  - Where systemd-networkd manages an interface that is used, a drop-in keeps a restart of it from taking things away.
  - A new address on a network interface is announced to the neighbours.
extends_documentation_fragment:
  - mixed_lb.stack.attributes
options:
  name:
    description:
      - Name of the scope, of lower-case letters, digits, C(-) and C(_).
    type: str
    required: true
  state:
    description:
      - V(absent) takes back all that the scope has done. The other options are then not needed.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description:
      - Whether to take back what the scope wanted in an earlier run and wants no more. With V(false) that stays, also at
        boot, and is still the scope's, until a run with V(true). So a service can move from one way of working to another
        while both are there.
    type: bool
    default: true
  addresses:
    description:
      - Virtual addresses.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: An address with its prefix length; without one, of a single host (C(/32) or C(/128)).
        type: str
        required: true
      interface:
        description: The interface that holds it.
        type: str
        default: lo
      deprecated:
        description:
          - For IPv6, keep the host from choosing the address as the source of its own connections and tunnels.
          - IPv6 addresses are always added without duplicate address detection, as a virtual address moves between
            hosts and the detection would delay it, or fail against the host that is just giving it up.
        type: bool
        default: true
  tunnels:
    description:
      - Tunnel devices that unpack what a director sends.
      - Each takes packets of one peer only, unless O(tunnels[].remote) is V(any). The kernel's own devices, such as
        C(tunl0), are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the device, at most 15 characters.
        type: str
        required: true
      type:
        description:
          - V(ipip) unpacks IPv4 in IPv4, V(sit) IPv6 in IPv4, V(ip6tnl) both in IPv6, V(gre) both in GRE, and V(gue)
            IPv4 in GUE (both if the outer header is IPv6).
        type: str
        choices: [ipip, sit, ip6tnl, gre, gue]
        default: ipip
      local:
        description: The outer destination; this host's address.
        type: str
        required: true
      remote:
        description:
          - The outer source; the director's address.
          - V(any) takes packets from any host, so that whoever reaches this one can inject packets with forged sources
            inside. Use it only where something in front lets none but the directors' tunnel packets through.
        type: str
        required: true
      port:
        description:
          - The UDP port of GUE. V(gue) needs it; a V(sit) device with a port unpacks IPv6 that comes in GUE.
        type: int
      checksum:
        description: Whether packets of a V(gre) tunnel carry checksums. Both ends must agree, or all is dropped.
        type: bool
        default: false
      mtu:
        description: The device's MTU, in bytes; by default what the kernel chooses.
        type: int
      up:
        description: Whether the device is up.
        type: bool
        default: true
  routes:
    description:
      - Routes. One that is there already for the same destination, table and metric is replaced in one step, and put
        back when the scope goes.
    type: list
    elements: dict
    default: []
    suboptions:
      to:
        description: A network, an address, or C(default).
        type: str
        required: true
      via:
        description: The next hop.
        type: str
      interface:
        description: The interface; by default the one that leads to O(routes[].via), and C(lo) for V(local).
        type: str
      table:
        description: A number, C(main), C(local) or C(default). By default C(main), and C(local) for V(local).
        type: str
      metric:
        description: The metric; by default 0 for IPv4 and 512 for IPv6, so that it comes before the host's own routes.
        type: int
      onlink:
        description: Whether to take the next hop as reachable on the interface, although no network of it says so.
        type: bool
        default: false
      advmss:
        description:
          - The segment size to announce to TCP peers, in bytes. On a real server behind a tunnel it keeps requests
            small enough for the outer header where ICMP is filtered.
        type: int
      type:
        description: V(local) delivers packets to the host itself, as if the addresses were its own.
        type: str
        choices: [unicast, local]
        default: unicast
  rules:
    description:
      - Rules that choose a routing table.
    type: list
    elements: dict
    default: []
    suboptions:
      priority:
        description: Place among the rules, from 1 to 32765.
        type: int
        required: true
      family:
        description: The family; needed only if neither O(rules[].from) nor O(rules[].to) tells it and it is not IPv4.
        type: str
        choices: [ipv4, ipv6]
      from:
        description: Source network or address.
        type: str
      to:
        description: Destination network or address.
        type: str
      fwmark:
        description: Firewall mark, decimal or hexadecimal.
        type: str
      protocol:
        description: Protocol.
        type: str
        choices: [tcp, udp, sctp]
      source_port:
        description: Source port; needs O(rules[].protocol).
        type: int
      table:
        description: The table to look up, as in O(routes[].table).
        type: str
        required: true
      suppress_prefixlength:
        description: Ignore what the table finds if its prefix is not longer than this; V(0) ignores default routes.
        type: int
      invert:
        description: Whether to take the packets that do not match.
        type: bool
        default: false
  marks:
    description:
      - Packets to give a firewall mark, before they are routed. Needs iptables.
    type: list
    elements: dict
    default: []
    suboptions:
      destination:
        description: The virtual address.
        type: str
        required: true
      protocol:
        description: Protocol; by default any.
        type: str
        choices: [tcp, udp, sctp]
      ports:
        description: Destination ports; by default all.
        type: list
        elements: int
        default: []
      mark:
        description: The mark, decimal or hexadecimal.
        type: str
        required: true
  source_nat:
    description:
      - Connections through IPVS that get an address of the director as their source, so that replies come back
        to it although the client is in the real servers' own network. Needs iptables and C(net.ipv4.vs.conntrack=1).
    type: list
    elements: dict
    default: []
    suboptions:
      source:
        description: The clients' network.
        type: str
        required: true
      destination:
        description: The virtual address.
        type: str
        required: true
      protocol:
        description: Protocol of the virtual service.
        type: str
        choices: [tcp, udp, sctp]
        default: tcp
      port:
        description: Port of the virtual service; by default any.
        type: int
"""

EXAMPLES = r"""
- name: Let a real server of a DR service accept the virtual addresses
  mixed_lb.stack.host_network:
    name: app
    addresses:
      - address: 192.0.2.100/32
      - address: 2001:db8::100/128

- name: Let a real server of a TUN service unpack what its director sends, and announce segments that fit
  mixed_lb.stack.host_network:
    name: app
    addresses:
      - address: 192.0.2.100/32
    tunnels:
      - name: lvs0
        type: ipip
        local: 198.51.100.11
        remote: 192.0.2.2
    routes:
      - to: default
        via: 198.51.100.1
        advmss: 1440

- name: Send a NAT real server's replies back by the director, and nothing else
  mixed_lb.stack.host_network:
    name: app
    routes:
      - to: default
        via: 192.0.2.2
        table: 100
    rules:
      - priority: 100
        from: 192.0.2.11
        protocol: tcp
        source_port: 8080
        table: 100

- name: Mark two ports as one service, and serve clients of the real servers' network
  mixed_lb.stack.host_network:
    name: app
    addresses:
      - address: 192.0.2.100/32
        interface: eth0
    marks:
      - destination: 192.0.2.100
        protocol: tcp
        ports: [80, 443]
        mark: 1
    source_nat:
      - source: 192.0.2.0/24
        destination: 192.0.2.100
        port: 80

- name: Put the network back as it was
  mixed_lb.stack.host_network:
    name: app
    state: absent
"""

RETURN = r"""
commands:
  description: Commands that changed the running host, or in check mode would.
  returned: success
  type: list
  elements: str
  sample: [ip address add 192.0.2.100/32 dev lo]
before:
  description: Of what the scope wants or wanted, what was there.
  returned: success
  type: list
  elements: str
after:
  description: Of what the scope wants or wanted, what is there now, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [address 192.0.2.100/32 dev lo]
files:
  description: Files that were written or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/mixed_lb/network/app.sh]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.kernel.model import SCOPE
from ansible_collections.mixed_lb.stack.plugins.module_utils.network.app import Outcome, apply
from ansible_collections.mixed_lb.stack.plugins.module_utils.network.model import NetworkProblem, Wanted
from ansible_collections.mixed_lb.stack.plugins.module_utils.network.wanted import wanted_of
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command, files, units

TEXT = {"type": "str"}
NEEDED = {"type": "str", "required": True}
NUMBER = {"type": "int"}
OFF = {"type": "bool", "default": False}
ON = {"type": "bool", "default": True}


def entries(**options: t.Any) -> dict[str, t.Any]:
    return {"type": "list", "elements": "dict", "default": [], "options": options}


def choice(*choices: str, default: str | None = None) -> dict[str, t.Any]:
    return {"type": "str", "choices": list(choices)} | ({"default": default} if default else {})


ARGUMENTS = {
    "name": NEEDED,
    "state": choice("present", "absent", default="present"),
    "purge": ON,
    "addresses": entries(address=NEEDED, interface={"type": "str", "default": "lo"}, deprecated=ON),
    "tunnels": entries(
        name=NEEDED,
        type=choice("ipip", "sit", "ip6tnl", "gre", "gue", default="ipip"),
        local=NEEDED,
        remote=NEEDED,
        port=NUMBER,
        checksum=OFF,
        mtu=NUMBER,
        up=ON,
    ),
    "routes": entries(
        to=NEEDED,
        via=TEXT,
        interface=TEXT,
        table=TEXT,
        metric=NUMBER,
        onlink=OFF,
        advmss=NUMBER,
        type=choice("unicast", "local", default="unicast"),
    ),
    "rules": entries(
        priority={"type": "int", "required": True},
        family=choice("ipv4", "ipv6"),
        to=TEXT,
        fwmark=TEXT,
        protocol=choice("tcp", "udp", "sctp"),
        source_port=NUMBER,
        table=NEEDED,
        suppress_prefixlength=NUMBER,
        invert=OFF,
        **{"from": TEXT},
    ),
    "marks": entries(
        destination=NEEDED,
        protocol=choice("tcp", "udp", "sctp"),
        ports={"type": "list", "elements": "int", "default": []},
        mark=NEEDED,
    ),
    "source_nat": entries(
        source=NEEDED, destination=NEEDED, protocol=choice("tcp", "udp", "sctp", default="tcp"), port=NUMBER
    ),
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    options = module.params
    if not SCOPE.match(options["name"]):
        module.fail_json(msg=f"name: {options['name']!r} must be of lower-case letters, digits, - and _")
    try:
        wanted = wanted_of(options) if options["state"] == "present" else Wanted()
        run, store = command.on_host(module), files.on_host(module)
        outcome = apply(options["name"], wanted, run, store, check=module.check_mode, purge=options["purge"])
    except (NetworkProblem, files.FileProblem, units.UnitProblem, command.ProgramMissing) as problem:
        module.fail_json(msg=f"{options['name']}: {problem}")
    module.exit_json(**_result(outcome))


def _result(outcome: Outcome) -> dict[str, t.Any]:
    diff = [
        {"before_header": path, "after_header": path, "before": before or "", "after": after or ""}
        for path, (before, after) in outcome.files.items()
        if not path.endswith(".json")  # the record says once more what the script says
    ]
    if outcome.before != outcome.after:
        before, after = ("".join(f"{line}\n" for line in lines) for lines in (outcome.before, outcome.after))
        header = "running network"
        diff.insert(0, {"before_header": header, "after_header": header, "before": before, "after": after})
    return {
        "changed": outcome.changed,
        "commands": outcome.commands,
        "before": outcome.before,
        "after": outcome.after,
        "files": list(outcome.files),
        "diff": diff,
    }


if __name__ == "__main__":
    main()
