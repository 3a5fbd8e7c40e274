#!/usr/bin/python
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server of a running HAProxy: state, weight, and whether it is there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_server
short_description: Drain, stop, weigh, add and remove servers of a running HAProxy
version_added: 1.0.0
author:
  - The mixed_lb.stack authors (@mixed-lb)
description:
  - Speaks with a running HAProxy over its socket, without touching its configuration.
  - Waits for what is open at a server that is drained or stopped, up to a limit, and says what is left.
  - Where the role P(mixed_lb.stack.haproxy#role) has set up the host, state and weight are saved after a change, so that
    they outlive a reload, a restart and a crash.
  - A server that is added is not in the configuration, and the next reload forgets it. Give it to the role too.
extends_documentation_fragment:
  - mixed_lb.stack.attributes
options:
  backend:
    description: Name of the backend or listen.
    type: str
    required: true
  server:
    description: Name of the server.
    type: str
    required: true
  state:
    description:
      - V(ready) serves, as far as checks allow. V(drain) takes no new clients but those whose cookie or stick table entry
        leads to it. V(maint) takes none, and is not checked. V(absent) removes the server, at run time only.
      - Stays as it is where it is left out; a server that is added becomes ready.
    type: str
    choices: [ready, drain, maint, absent]
  weight:
    description: Share of new clients, 0 to 256. Stays as it is where it is left out.
    type: int
  address:
    description:
      - Address of the server. Where there is no such server yet, it is added. HAProxy adds servers to backends with
        C(balance) roundrobin, leastconn, first or random, or a consistent hash.
    type: str
  port:
    description: Port of the server; used with O(address).
    type: int
  check:
    description: Whether a server that is added is checked.
    type: bool
    default: true
  words:
    description:
      - Further words for a server that is added, as in V(inter 2s); it does not get those of C(default-server).
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait, after O(state=drain), O(state=maint) and before O(state=absent), until nothing is open.
    type: float
    default: 0
  shutdown_sessions:
    description: End what is still open after that.
    type: bool
    default: false
  socket:
    description: Path of the socket, which needs C(level admin).
    type: path
    default: /run/haproxy/admin.sock
notes:
  - RV(ignore:changed) comes from state and weight alone, never from counters. Waiting changes nothing.
seealso:
  - module: mixed_lb.stack.haproxy_info
"""

EXAMPLES = r"""
- name: Drain a server for maintenance, and wait for its clients for up to a minute
  mixed_lb.stack.haproxy_server:
    backend: web
    server: web1
    state: drain
    wait: 60
  register: drained

- name: Stop where some are left
  ansible.builtin.assert:
    that: drained.idle
    fail_msg: "{{ drained.sessions }} sessions are still open"

- name: Let it serve again, with half of its share
  mixed_lb.stack.haproxy_server:
    backend: web
    server: web1
    state: ready
    weight: 50

- name: Add a server until the next reload
  mixed_lb.stack.haproxy_server:
    backend: web
    server: web9
    address: 192.0.2.29
    port: 80
    words: [inter 2s]

- name: Take it away, whatever it does
  mixed_lb.stack.haproxy_server:
    backend: web
    server: web9
    state: absent
    wait: 10
    shutdown_sessions: true
"""

RETURN = r"""
before:
  description: Address, port, state and weight before; null where the server was not there.
  returned: success
  type: dict
  sample: {address: 192.0.2.21, port: 80, state: ready, weight: 100}
after:
  description: The same afterwards, or in check mode as predicted.
  returned: success
  type: dict
  sample: {address: 192.0.2.21, port: 80, state: drain, weight: 100}
commands:
  description: What HAProxy was told, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [set server web/web1 state drain]
sessions:
  description: Sessions that were still open at the end of the wait; null where nobody looked.
  returned: success
  type: int
  sample: 0
queued:
  description: Requests that were still in the queue of the server; null where nobody looked.
  returned: success
  type: int
  sample: 0
idle:
  description: Whether nothing was left; null where nobody looked.
  returned: success
  type: bool
  sample: true
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.app import Outcome, apply
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.client import NotRunning, over_socket
from ansible_collections.mixed_lb.stack.plugins.module_utils.haproxy.model import HaproxyProblem, Server, Wanted
from ansible_collections.mixed_lb.stack.plugins.module_utils.system import command

ARGUMENTS = {
    "backend": {"type": "str", "required": True},
    "server": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["ready", "drain", "maint", "absent"]},
    "weight": {"type": "int"},
    "address": {"type": "str"},
    "port": {"type": "int"},
    "check": {"type": "bool", "default": True},
    "words": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "float", "default": 0},
    "shutdown_sessions": {"type": "bool", "default": False},
    "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
}
SAVER = "haproxy-save-state"
STATE_FILE = "/var/lib/haproxy/mixed_lb.state"


def main() -> None:
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_by={"port": "address"})
    options = module.params
    wanted = Wanted(
        backend=options["backend"],
        name=options["server"],
        state=options["state"],
        weight=options["weight"],
        address=options["address"],
        port=options["port"],
        check=options["check"],
        words=tuple(options["words"]),
        shutdown=options["shutdown_sessions"],
    )
    try:
        outcome = apply(wanted, over_socket(options["socket"]), options["wait"], check_only=module.check_mode)
    except NotRunning as problem:
        if not module.check_mode:
            module.fail_json(msg=str(problem))
        module.warn(f"{problem} What would change cannot be told")
        outcome = Outcome(None, None, ())
    except HaproxyProblem as problem:
        module.fail_json(msg=str(problem))
    if outcome.changed and not module.check_mode:
        _save(module)
    if outcome.load and not outcome.load.idle:
        module.warn(f"{wanted.place}: {outcome.load.sessions} sessions open, {outcome.load.queued} requests queued")
    module.exit_json(**_result(outcome))


def _save(module: AnsibleModule) -> None:
    """State and weight, for a process that starts without having been told to end."""
    if command.locate(module, SAVER) is None:
        return
    saved = command.on_host(module)([SAVER, module.params["socket"], STATE_FILE])
    if saved.rc != 0:
        module.warn(f"{SAVER} failed, a crash would forget this change: {saved.err.strip()}")


def _result(outcome: Outcome) -> dict[str, t.Any]:
    before, after = _shown(outcome.before), _shown(outcome.after)
    return {
        "changed": outcome.changed,
        "before": before,
        "after": after,
        "commands": list(outcome.commands),
        "sessions": outcome.load.sessions if outcome.load else None,
        "queued": outcome.load.queued if outcome.load else None,
        "idle": outcome.load.idle if outcome.load else None,
        "diff": {"before": before or {}, "after": after or {}},
    }


def _shown(server: Server | None) -> dict[str, str | int] | None:
    return server.shown() if server else None


if __name__ == "__main__":
    main()
