#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_plan
short_description: Check a load-balancing stack and work out what each host gets
version_added: 1.0.0
description:
  - Reads the description of the stack and the inventory, checks every rule before any host is touched, and returns what
    the roles of this collection have to do, in order.
  - Runs once, on the controller, and connects to no host. Uses the whole inventory whatever C(--limit) says, so that a
    limited run gives each host what a full run would.
  - All errors are reported at once, one a line.
  - Of a host it reads the variables C(lb_addresses), C(lb_gateway), C(lb_weight), C(lb_interface), C(lb_dip) and, without
    C(lb_addresses), C(ansible_host).
extends_documentation_fragment:
  - mixed_lb.stack.attributes.info
options:
  stack:
    description:
      - The stack, with a list C(tiers). See C(docs/stack.md) for all of its keys.
      - Without it, the variable C(lb_stack) is used.
    type: dict
  seen:
    description:
      - By host what M(mixed_lb.stack.stack_info) returned there; hosts that were not reached may be in it or not. Adds
        RV(status) and RV(table).
    type: dict
  without:
    description:
      - Plans how something goes instead. RV(steps) are then only those that take it back, and those that others need to do
        without it.
      - One of C(host), a name; C(tiers), a list of names; and C(all), V(true). Refused where a tier that stays sends to one
        that goes, and where the stack would not be sound without the host.
    type: dict
author:
  - The mixed_lb.stack authors (@mixed-lb)
"""

EXAMPLES = r"""
- name: Check the stack and work out what each host gets
  mixed_lb.stack.stack_plan:
  register: lb_plan
  run_once: true

- name: A stack given in place
  mixed_lb.stack.stack_plan:
    stack:
      tiers:
        - name: app
          kind: lvs
          hosts: directors
          mode: dr
          vips: [192.0.2.100]
          port: 8080
          backend: web
        - name: web
          kind: servers
          hosts: web
  register: lb_plan
  run_once: true

- name: Plan how web2 leaves
  mixed_lb.stack.stack_plan:
    without:
      host: web2
  register: lb_plan
  run_once: true

- name: Look at the hosts
  mixed_lb.stack.stack_info:
  register: lb_seen
  ignore_unreachable: true

- name: Compare what they say with the stack
  mixed_lb.stack.stack_plan:
    seen: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'lb_seen'))) }}"
  register: lb_status
  run_once: true
"""

RETURN = r"""
steps:
  description: What is to be done, in the order in which it is safe, from the back of the stack to its front.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The step's name, unique.
      type: str
      sample: "app: real servers (dr)"
    tier:
      description: The tier that the step belongs to.
      type: str
      sample: app
    part:
      description: The entry point of the role, V(director) or V(real_server).
      type: str
      sample: real_server
    role:
      description: The role, without the collection.
      type: str
      sample: lvs_dr
parts:
  description: By the name of a step and the name of a host, the role's variables without the role's name before them.
  returned: success
  type: dict
run:
  description: A name for this run, by its time. Names of later runs sort behind it.
  returned: success
  type: str
  sample: 20261124T120000Z
addresses:
  description: The addresses of every host of a tier.
  returned: success
  type: dict
  sample: {web1: [192.0.2.21, "2001:db8:0:2::21"]}
openings:
  description:
    - By host, what a firewall on it has to let in for the stack. Adverts of VRRP and shared connections come from the
      other hosts of the tier alone.
  returned: success
  type: dict
  sample:
    lb1:
      - {family: any, protocol: tcp, ports: [80], sources: [], destinations: []}
      - {family: ipv4, protocol: vrrp, ports: [], sources: [192.0.2.12], destinations: []}
freed:
  description: The hosts that are left with nothing of the stack.
  returned: when O(without) is given
  type: list
  elements: str
  sample: [web3]
summary:
  description: The plan in lines for people.
  returned: success
  type: list
  elements: str
status:
  description: The stack as it is, beside what it should be.
  returned: when O(seen) is given
  type: dict
  contains:
    tiers:
      description: The tiers in their order.
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          type: str
        kind:
          description: Its kind.
          type: str
        mode:
          description: Its mode; empty for kinds that have none.
          type: str
        state:
          description: V(present) or V(absent), as described.
          type: str
        backend:
          description: The tiers behind it.
          type: list
          elements: str
        hosts:
          description: Its hosts.
          type: list
          elements: str
        min_available:
          description: How many of its hosts must stay in service.
          type: int
        keep_weights:
          description: Whether weights in the kernel stay as they are.
          type: bool
        probes:
          description: Where clients reach it by TCP at its VIPs, each with C(address) and C(port).
          type: list
          elements: dict
        units:
          description: The units that have to run on each of its hosts.
          type: list
          elements: str
        instances:
          description: Its VRRP instances, by which its VIPs move; empty where they do not.
          type: list
          elements: str
        vips:
          description: Its VIPs, each with C(address) and C(holders), those of its hosts that have it.
          type: list
          elements: dict
        holders:
          description: Those of its hosts that have any of its VIPs.
          type: list
          elements: str
        members:
          description: One entry for each place that each of its hosts sends to.
          type: list
          elements: dict
          contains:
            name:
              description: The host behind, or the tier behind whose VIP it is.
              type: str
            address:
              description: Its address.
              type: str
            port:
              description: Its port; V(0) where none is named.
              type: int
            service:
              description: The virtual service, pool or record.
              type: str
            by:
              description: The host that sends to it, and says so.
              type: str
            tier:
              description: The tier of that host.
              type: str
            step:
              description: The name of the step that writes it.
              type: str
            daemon:
              description: What sends to it, V(ipvs), V(nginx), V(haproxy) or V(dns).
              type: str
            ttl:
              description: Seconds that clients go on with an answer of the DNS; else V(0).
              type: int
            drained:
              description:
                - The name under which the host that sends to it has noted its address as drained, that of another host where
                  it was renamed since; empty where it is not drained.
              type: str
            weight:
              description: Its weight now; null where nobody tells.
              type: int
            wanted_weight:
              description: The weight of the description.
              type: int
            state:
              description: V(up), V(down), V(drained) or V(unknown).
              type: str
            check:
              description: The checks that it must pass, or what the last one said.
              type: str
            active:
              description: Open connections; null where nobody tells.
              type: int
            inactive:
              description: Connections that the kernel remembers; null where nobody tells.
              type: int
            rate:
              description: New connections a second; null where nobody tells.
              type: float
    hosts:
      description:
        - By name C(reached), its C(tiers), whom it keeps C(drained), the tiers under C(maintenance) there, those C(moving) away, the C(vips) that
          it has, the states of its VRRP C(instances), the C(last_transition) of each as ISO time, the states of its
          C(units), and the runs that its C(configurations) are from.
      type: dict
    findings:
      description:
        - What is wrong, with C(tier) and C(host) (empty where it is about neither) and C(text). C(drift) says whether it
          differs from the description, which a server that is down does not.
      type: list
      elements: dict
table:
  description: The same in lines for people.
  returned: when O(seen) is given
  type: list
  elements: str
"""
