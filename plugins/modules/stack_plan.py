#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_plan
short_description: Check a load-balancing stack and work out what each host gets
version_added: 0.1.0
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
summary:
  description: The plan in lines for people.
  returned: success
  type: list
  elements: str
"""
