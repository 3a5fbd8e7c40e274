# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run by the real ansible-playbook, with roles and modules that only say that they were called."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[4]
# every variable is written out (counting alone would not look at it): one that the plan does not have fails here
ROLE = """---
- name: Say what came
  ansible.builtin.debug:
    msg: "CALLED ROLE PART {{ inventory_hostname }} {{ query('vars', *query('varnames', '^ROLE_')) | to_json | length }}"
  changed_when: inventory_hostname == (odd | default(''))

- name: Break where the test wants it
  ansible.builtin.fail:
    msg: wanted
  when: inventory_hostname == (broken | default(''))
"""
# in the place of modules: says what came, and answers what the test wants; a host without an answer is not reached
ACTION = """
import json
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        host = task_vars["inventory_hostname"]
        self._display.display(f"ASKED MODULE {host} {json.dumps(self._task.args, default=str)}")
        answers = self._templar.template(task_vars["answers"])
        if host not in answers:
            raise AnsibleConnectionFailure("away")
        return {**super().run(tmp, task_vars), "changed": False, **answers[host].get("MODULE", {})}
"""
MODULES = ("stack_info", "drained_members", "drain_wait", "host_info", "host_network", "ipvs_wait", "daemon_rollback")


def with_stand_ins(top: pathlib.Path) -> pathlib.Path:
    """The collection with stand-ins for its roles."""
    here = top / "ansible_collections" / "mixed_lb" / "stack"
    here.mkdir(parents=True)
    for name in ("plugins", "playbooks"):
        shutil.copytree(ROOT / name, here / name)
    shutil.copy(ROOT / "site.yml", here)
    parts = dict.fromkeys(("lvs_dr", "lvs_nat", "lvs_tun"), ("director", "real_server"))
    parts |= dict.fromkeys(("keepalived", "nginx_lb", "haproxy", "dns_lb", "firewall"), ("main",))
    parts["shared_storage"] = ("server", "client")
    for role, names in parts.items():
        tasks = here / "roles" / role / "tasks"
        tasks.mkdir(parents=True)
        for part in names:
            (tasks / f"{part}.yml").write_text(ROLE.replace("PART", part).replace("ROLE", role))
    for name in MODULES:
        (here / "plugins" / "action" / f"{name}.py").write_text(ACTION.replace("MODULE", name))
    return top


def play(collections: pathlib.Path, playbook: str, inventory: str, *more: str) -> subprocess.CompletedProcess[str]:
    here = collections / "ansible_collections" / "mixed_lb" / "stack"
    program = pathlib.Path(sys.executable).with_name("ansible-playbook")
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_HOME": str(collections / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORKS": "4",
    }
    # a task that connects to a host fails
    words = ["-i", str(ROOT / "inventories" / inventory), "-e", "ansible_ssh_executable=/bin/false", *more]
    return subprocess.run(
        [str(program), str(here / playbook), *words], capture_output=True, text=True, env=environment, check=False
    )


def called(run: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    return [(part, host) for part, host, _count in re.findall(r"CALLED \w+ (\w+) (\w+) (\d+)", run.stdout)]


def asked(run: subprocess.CompletedProcess[str], module: str) -> list[tuple[str, str]]:
    """The hosts on which a module was called, each with its arguments."""
    return re.findall(rf"ASKED {module} (\w+) (.*)", run.stdout)
