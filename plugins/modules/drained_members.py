#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes on a balancer whom it sends nothing new."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drained_members
short_description: Note on a balancer that a member of its pools is drained
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Keeps names and addresses in C(/etc/mixed_lb/drained.json). The roles of this collection give every member at such an
    address weight 0, whatever their variables say, in each run from then on.
  - It is only noted here. What takes effect at once is the run of the role that follows.
extends_documentation_fragment:
  - mixed_lb.stack.attributes
options:
  name:
    description: Name of the member, that of its host in the inventory.
    type: str
    required: true
  addresses:
    description:
      - All addresses that it may be asked at. Required with V(drained).
      - With V(present) whatever is noted at one of them is taken back, too, whatever its name; the host may have been renamed.
    type: list
    elements: str
    default: []
  state:
    description: V(present) takes it back into service.
    type: str
    choices: [drained, present]
    default: drained
seealso:
  - module: mixed_lb.stack.host_info
  - module: mixed_lb.stack.drain_wait
"""

EXAMPLES = r"""
- name: Send nothing new to web1
  mixed_lb.stack.drained_members:
    name: web1
    addresses: [192.0.2.21, "2001:db8:0:2::21"]

- name: Take it back
  mixed_lb.stack.drained_members:
    name: web1
    state: present
"""

RETURN = r"""
members:
  description: Who is drained now, with their addresses.
  returned: success
  type: dict
  sample: {web1: [192.0.2.21, "2001:db8:0:2::21"]}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import drained, files

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["drained", "present"], "default": "drained"},
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    options, store = module.params, files.on_host(module)
    going = options["state"] == "drained"
    if going and not options["addresses"]:
        module.fail_json(msg="addresses is empty: say where the member is asked")
    try:
        before = drained.read(store)
        change = drained.with_member if going else drained.without_member
        after = change(before, options["name"], options["addresses"])
        if after != before and not module.check_mode:
            drained.write(store, after)
    except (drained.DrainedProblem, files.FileProblem) as problem:
        module.fail_json(msg=str(problem))
    texts = {"before": drained.text_of(before), "after": drained.text_of(after)}
    diff = {"before_header": drained.PATH, "after_header": drained.PATH, **texts}
    module.exit_json(changed=after != before, members=after, diff=diff)


if __name__ == "__main__":
    main()
