# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel in memory: sysctls that come and go with modules, modprobe and rmmod, the traps of the real one."""

from __future__ import annotations

import copy
import errno
import os
import typing as t

from ansible_collections.mixed_lb.stack.plugins.module_utils.kernel.app import Host
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.files import FileProblem
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles

# module: (what it depends on, the sysctls that it brings, its parameters)
MODULES: dict[str, tuple[list[str], dict[str, str], dict[str, str]]] = {
    "nf_conntrack": ([], {"net/netfilter/nf_conntrack_max": "65536"}, {}),
    "ip_vs": (
        ["nf_conntrack"],
        {"net/ipv4/vs/conntrack": "0", "net/ipv4/vs/drop_entry": "0", "net/ipv4/vs/sync_threshold": "3\t50"},
        {"conn_tab_bits": "12"},
    ),
    "ip_vs_rr": (["ip_vs"], {}, {}),
    "ip_vs_sh": (["ip_vs"], {}, {}),
    "nf_nat": (["nf_conntrack"], {}, {}),
    "ipip": ([], {"net/ipv4/conf/tunl0/rp_filter": "0"}, {}),
}
SYSCTLS = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/accept_redirects": "1",
    "net/ipv4/conf/all/arp_ignore": "0",
    "net/ipv4/conf/eth0.100/arp_ignore": "0",
}


class FakeKernel:
    """``Proc`` and ``Command`` in one; ``calls`` are the programs run, ``sets`` the sysctls written, in order."""

    def __init__(self) -> None:
        self.files = MemoryFiles()
        self.sysctls = dict(SYSCTLS)
        self.modules: list[str] = []  # oldest first
        self.parameters: dict[str, dict[str, str]] = {}
        self.calls: list[list[str]] = []
        self.sets: list[str] = []
        self.read_only = False
        self.refused: set[str] = set()
        self.busy: set[str] = set()  # modules that something else than a module uses

    @property
    def host(self) -> Host:
        return Host(self, self.files, self)

    def state(self) -> t.Any:
        """All that a scope could leave behind; the order in which modules came does not count."""
        return copy.deepcopy((self.sysctls, sorted(self.modules), self.parameters, self.files.content))

    # Proc
    def read(self, path: str) -> str | None:
        if path.startswith("/proc/sys/net/"):
            return self.sysctls.get(path.removeprefix("/proc/sys/"))
        if path == "/proc/modules":
            return "".join(f"{m} 16384 {self._users(m)} Live 0x0\n" for m in reversed(self.modules))
        if path == "/proc/sys/kernel/osrelease":
            return "6.1.0"
        if path == "/lib/modules/6.1.0/modules.builtin":
            return "kernel/net/dummy-builtin.ko\n"
        if path.startswith("/sys/module/"):
            module, _between, parameter = path.removeprefix("/sys/module/").partition("/parameters/")
            return self.parameters.get(module, {}).get(parameter)
        raise AssertionError(path)

    def write(self, path: str, value: str) -> None:
        key = path.removeprefix("/proc/sys/")
        if self.read_only or key in self.refused:
            raise FileProblem(f"set {value} in", path, OSError(errno.EINVAL, os.strerror(errno.EINVAL)))
        assert key in self.sysctls, f"{key} does not exist"
        if key == "net/ipv4/ip_forward" and self.sysctls[key] != value:
            self.sysctls["net/ipv4/conf/all/accept_redirects"] = "0" if value == "1" else "1"
        self.sysctls[key] = "\t".join(value.split())
        self.sets.append(key)

    def writable(self, path: str) -> bool:
        return not self.read_only

    def exists(self, path: str) -> bool:
        return path.removeprefix("/sys/module/") in self.modules

    # Command
    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        self.calls.append(list(argv))
        match list(argv):
            case ["modprobe", "--dry-run", "--all", *names] | ["modprobe", "--all", *names]:
                for name in names:
                    if name not in MODULES:
                        return Result(
                            1, "", f"modprobe: FATAL: Module {name} not found in directory /lib/modules/6.1.0\n"
                        )
                    if argv[1] != "--dry-run":
                        self._insert(name)
                return Result(0, "", "")
            case ["rmmod", name]:
                users = [module for module in self.modules if name in MODULES[module][0]]
                if users or name in self.busy:
                    return Result(1, "", f"rmmod: ERROR: Module {name} is in use by: {' '.join(users)}\n")
                self.modules.remove(name)
                self.parameters.pop(name, None)
                for key in MODULES[name][1]:
                    del self.sysctls[key]
                return Result(0, "", "")
        raise AssertionError(argv)

    def _users(self, name: str) -> str:
        users = [module for module in self.modules if name in MODULES[module][0]]
        return f"{len(users)} {''.join(user + ',' for user in users) or '-'}"

    def _insert(self, name: str) -> None:
        depends, sysctls, parameters = MODULES[name]
        for other in depends:
            self._insert(other)
        if name in self.modules:
            return
        self.modules.append(name)
        self.sysctls.update(sysctls)
        if parameters:
            self.parameters[name] = dict(parameters)
        for path, text in self.files.content.items():
            for line in text.splitlines() if path.startswith("/etc/modprobe.d/") else []:
                if line.startswith(f"options {name} "):
                    self.parameters[name].update(word.split("=") for word in line.split()[2:])
