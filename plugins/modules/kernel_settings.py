#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls, kernel modules and their parameters of one scope, now and at boot."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_settings
short_description: Set sysctls, kernel modules and module parameters, now and at boot
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Loads kernel modules, sets their parameters and sets sysctls, in the running kernel and in files for the next boot,
    as one task.
  - Everything belongs to a scope. What a scope wanted in an earlier run and wants no more is put back as it was before
    the first run, unless another scope still wants it; keys and modules of nobody's wish are never touched. Schedulers of
    IPVS stay until the scope goes, as services hold them until they have another one.
  - Running values that have drifted are repaired, even if the files are right.
  - Writes C(/etc/sysctl.d/70-mixed-lb-NAME.conf), C(/etc/modules-load.d/mixed-lb-NAME.conf) and
    C(/etc/modprobe.d/mixed-lb-NAME.conf), each only if it has something to say, and keeps what was there before in
    C(/var/lib/mixed_lb/kernel/NAME.json).
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
  modules:
    description:
      - Kernel modules to load, in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the module.
        type: str
        required: true
      parameters:
        description:
          - Parameters, by name. They take effect when the module is loaded; for a module that is loaded already the
            task warns and returns RV(reload_needed).
        type: dict
        default: {}
  sysctls:
    description:
      - Values by key. Keys are written with dots or with slashes; the name of an interface with a dot in it
        needs slashes, as in C(net/ipv4/conf/eth0.100/arp_ignore).
      - Several numbers are separated by blanks, or given as a list.
      - A key that the kernel lacks once all O(modules) are loaded is an error.
    type: dict
    default: {}
  optional_sysctls:
    description:
      - The same as O(sysctls), for keys that some kernels lack. Those are left out there.
    type: dict
    default: {}
notes:
  - The keys C(drop_entry), C(drop_packet) and C(secure_tcp) of IPVS may show V(2) where V(1) was set, as the kernel
    arms itself. That is no difference.
"""

EXAMPLES = r"""
- name: Prepare a NAT director
  mixed_lb.stack.kernel_settings:
    name: app
    modules:
      - name: ip_vs
        parameters:
          conn_tab_bits: 16
      - name: ip_vs_wlc
    sysctls:
      net.ipv4.ip_forward: 1
      net.ipv4.vs.conntrack: 1
      net.ipv4.conf.all.send_redirects: 0
      net/ipv4/conf/eth0.100/send_redirects: 0
    optional_sysctls:
      net.ipv4.vs.est_nice: 5

- name: Put the kernel back as it was
  mixed_lb.stack.kernel_settings:
    name: app
    state: absent
"""

RETURN = r"""
sysctls:
  description: Running values that were set, or in check mode would be, in that order.
  returned: success
  type: list
  elements: dict
  sample: [{key: net/ipv4/ip_forward, before: "0", after: "1"}]
  contains:
    key:
      description: The key, with slashes.
      type: str
    before:
      description: The value before; null in check mode where the key comes with a module that is not loaded yet.
      type: str
    after:
      description: The value afterwards.
      type: str
files:
  description: Files that were written or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/sysctl.d/70-mixed-lb-app.conf]
loaded:
  description: Modules that were loaded, with their dependencies; in check mode without these.
  returned: success
  type: list
  elements: str
unloaded:
  description: Modules that were unloaded.
  returned: success
  type: list
  elements: str
kept:
  description:
    - With O(purge=false), what the scope wanted in an earlier run and wants no more - modules, parameters as
      C(MODULE.PARAMETER), and keys with slashes. Empty with O(purge=true).
  returned: success
  type: list
  elements: str
  sample: [net/ipv4/conf/all/arp_ignore]
reload_needed:
  description: Parameters that run with another value until their module is loaded anew.
  returned: success
  type: list
  elements: dict
  sample: [{module: ip_vs, parameter: conn_tab_bits, running: "12", wanted: "16"}]
  contains:
    module:
      description: The module.
      type: str
    parameter:
      description: The parameter.
      type: str
    running:
      description: The value that it runs with.
      type: str
    wanted:
      description: The value that it gets when it is loaded the next time.
      type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.kernel.app import Host, Outcome, apply
from ansible_collections.mixed_lb.stack.plugins.module_utils.kernel.model import (
    SCOPE,
    Settings,
    SettingsProblem,
    settings_of,
)
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command, files

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "purge": {"type": "bool", "default": True},
    "modules": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, "parameters": {"type": "dict", "default": {}}},
    },
    "sysctls": {"type": "dict", "default": {}},
    "optional_sysctls": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    options = module.params
    if not SCOPE.match(options["name"]):
        module.fail_json(msg=f"name: {options['name']!r} must be of lower-case letters, digits, - and _")
    host = Host(command.on_host(module), files.on_host(module), files.HostProc())
    try:
        wanted = Settings()
        if options["state"] == "present":
            wanted = settings_of(options["modules"], options["sysctls"], options["optional_sysctls"])
        outcome = apply(options["name"], wanted, host, check=module.check_mode, purge=options["purge"])
    except (SettingsProblem, files.FileProblem, command.ProgramMissing) as problem:
        module.fail_json(msg=f"{options['name']}: {problem}")
    for warning in [*outcome.warnings, *map(_how_to_reload, outcome.reload_needed)]:
        module.warn(warning)
    module.exit_json(**_result(outcome))


def _how_to_reload(stale: t.Any) -> str:
    return (
        f"{stale.module} runs with {stale.parameter}={stale.running} and gets {stale.wanted} when it is loaded anew:"
        f" at a reboot, or once nothing uses it any more, by: modprobe -r {stale.module} && modprobe {stale.module}"
    )


def _result(outcome: Outcome) -> dict[str, t.Any]:
    diff = [
        {"before_header": path, "after_header": path, "before": before or "", "after": after or ""}
        for path, (before, after) in outcome.files.items()
    ]
    if outcome.writes:
        before = "".join(f"{write.key} = {write.before}\n" for write in outcome.writes if write.before is not None)
        after = "".join(f"{write.key} = {write.after}\n" for write in outcome.writes)
        header = "running sysctls"
        diff.append({"before_header": header, "after_header": header, "before": before, "after": after})
    if outcome.loaded or outcome.unloaded:
        before, after = ("".join(f"{name}\n" for name in names) for names in (outcome.unloaded, outcome.loaded))
        header = "loaded modules"
        diff.append({"before_header": header, "after_header": header, "before": before, "after": after})
    return {
        "changed": outcome.changed,
        "sysctls": [write._asdict() for write in outcome.writes],
        "files": list(outcome.files),
        "loaded": outcome.loaded,
        "unloaded": outcome.unloaded,
        "kept": outcome.kept,
        "reload_needed": [stale._asdict() for stale in outcome.reload_needed],
        "diff": diff,
    }


if __name__ == "__main__":
    main()
