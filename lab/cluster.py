# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab as a whole: up, down, and what can be done to it in between."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import subprocess
import time
import typing as t

import yaml

from . import images, network, report, rights
from .access import Access
from .machine import Machine
from .sandbox import Sandbox, need
from .topology import Topology
from .topology import load as load_topology

# Seconds for the boot of all hosts: ten of them, beside another lab on two cores, have taken 95.
PATIENCE = 300
PROGRAMS = (
    "unshare",
    "newuidmap",
    "nsenter",
    "ip",
    "ssh",
    "nc",
    "tcpdump",
    "mmdebstrap",
    "patchelf",
    "mke2fs",
    "mkswap",
)


class LabError(Exception):
    """The lab cannot do what was asked; the message says why and what to do."""


class Lab:
    """The lab whose state lies in ``folder`` (a subfolder of .lab, named like the lab)."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder.resolve()
        self.sandbox = Sandbox(self.folder)
        self.access = Access(self.sandbox)

    @property
    def topology(self) -> Topology:
        """The topology that the lab was brought up with."""
        path = self.folder / "topology.yml"
        if not path.exists():
            raise LabError(f"there is no lab in {self.folder}; bring one up first")
        return load_topology(yaml.safe_load(path.read_text()))

    def machine(self, name: str) -> Machine:
        """The host of that name, which must have a kernel of its own."""
        host = self.topology.host(name)
        if host.namespace:
            raise LabError(f"{name} is a light host without a kernel of its own")
        return Machine(self.sandbox, self.topology, host)

    def machines(self) -> list[Machine]:
        """All hosts with a kernel of their own."""
        wanted = self.topology
        return [Machine(self.sandbox, wanted, host) for host in wanted.machines()]

    def up(self, source: pathlib.Path, timeout: float = PATIENCE) -> None:
        """Boots the topology in ``source`` and returns when every host answers ssh; a lab that is up is left as it is."""
        text = source.read_text()
        wanted = load_topology(yaml.safe_load(text))
        if self.sandbox.keeper() is not None:
            if (self.folder / "topology.yml").read_text() != text:
                raise LabError("a lab with another topology is up here; take it down first")
            return
        need(PROGRAMS)
        rights.need()
        images.prepare(host.release for host in wanted.machines())
        self._clean()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.access.open()
        (self.folder / "topology.yml").write_text(text)
        with report.step(f"lab {self.folder.name}: boot {len(wanted.machines())} hosts"):
            self.sandbox.start()
            machines = self.machines()
            self.sandbox.sh(network.build(wanted, machines))
            (self.folder / "inventory.yml").write_text(self.inventory())
            for machine in machines:
                machine.start()
            self.wait([machine.host.name for machine in machines], timeout)

    def down(self) -> None:
        """Ends the lab and removes all that it left, whatever state it is in."""
        self.sandbox.stop()
        self._clean()

    def _clean(self) -> None:
        self.access.close()
        # It may not be there: a lab is taken down in any state, and before each start.
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self, names: t.Sequence[str], timeout: float = PATIENCE) -> None:
        """Returns when sshd answers on every named host; ``LabError`` with the end of a console otherwise."""
        wanted = self.topology
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: self._wait(name, wanted.ssh_address(name), timeout), names))

    def _wait(self, name: str, address: str, timeout: float) -> None:
        # One process a host: it polls inside the lab's network until sshd has said its first word.
        script = f"until nc -w 1 {address} 22 </dev/null 2>/dev/null | grep -q ^SSH; do sleep 0.2; done"
        machine = self.machine(name)
        deadline = time.monotonic() + timeout
        with subprocess.Popen([*self.sandbox.enter(), "sh", "-c", script]) as poll:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    poll.wait(1)
                    return
                panicked = machine.panicked()
                if panicked or machine.pid() is None or time.monotonic() > deadline:
                    poll.kill()
                    console = (machine.folder / "console.log").read_text(errors="replace")[-1500:]
                    how = f"does not answer ssh on {address}" if machine.pid() else "is not running"
                    # as 6.1 does where the processor has AMX: nothing comes after that
                    how = "has a kernel that panicked" if panicked else how
                    raise LabError(f"{name} {how}; its console ends with:\n{console}")

    def inventory(self, source: str | None = None) -> str:
        """An Ansible inventory, as YAML, by which ssh takes the management network, or comes from the light host ``source``."""
        return yaml.safe_dump(self.access.inventory(self.topology, source), sort_keys=False, width=1000)

    def ssh(self, name: str, command: t.Sequence[str] = ()) -> list[str]:
        """The words of an ssh call to that host."""
        self.machine(name)
        return [*self.access.words(self.topology, name), *command]

    def run(self, name: str, command: str, check: bool = True) -> str:
        """Runs a shell command on that host and returns its output."""
        light = self.topology.host(name).namespace
        argv = [*self.sandbox.enter(name), "sh", "-c", command] if light else self.ssh(name, [command])
        done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise LabError(
                f"{name}: {command}: exit code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}"
            )
        return done.stdout

    def power_cut(self, names: t.Sequence[str]) -> None:
        """Cuts the power of the named hosts."""
        for name in names:
            self.machine(name).power_cut()
            self.access.forget(name)

    def power_on(self, names: t.Sequence[str]) -> None:
        """Powers the named hosts on and waits until they answer."""
        for name in names:
            machine = self.machine(name)
            if machine.pid() is None:
                machine.start()
        self.wait(names)

    def reboot(self, names: t.Sequence[str], timeout: float = PATIENCE) -> None:
        """Reboots the named hosts in an orderly way, all at once, and waits until systemd has started everything."""
        before = {name: self._boot_id(name, check=True) for name in names}
        for name in names:
            self.run(name, "systemctl reboot", check=False)
            self.access.forget(name)
        deadline = time.monotonic() + timeout
        for name in names:
            while self._boot_id(name) in ("", before[name]):
                if time.monotonic() > deadline:
                    raise LabError(f"{name} did not come back within {timeout:.0f} s")
                self.access.forget(name)
                time.sleep(0.2)
            self.run(name, "systemctl is-system-running --wait >/dev/null || true")

    def _boot_id(self, name: str, check: bool = False) -> str:
        return self.run(name, "cat /proc/sys/kernel/random/boot_id", check).strip()

    def partition(self, names: t.Sequence[str]) -> None:
        """Pulls the data cables of the named hosts; the management network stays."""
        self.sandbox.sh("\n".join(network.unplug(port) for port, _network in self._ports(names)))

    def heal(self, names: t.Sequence[str]) -> None:
        """Plugs the data cables of the named hosts in again."""
        self.sandbox.sh("\n".join(network.plug(port, name) for port, name in self._ports(names)))

    def _ports(self, names: t.Sequence[str]) -> list[tuple[str, str]]:
        hosts = [self.topology.host(name) for name in names]
        return [(network.port(host, index), nic.network) for host in hosts for index, nic in enumerate(host.nics)]

    def capture(self, place: str, words: t.Sequence[str]) -> list[str]:
        """The words of a tcpdump call on a network (its bridge) or on HOST.NIC (that host's cable, as host.0)."""
        # As itself it may write a file where the caller may.
        return [*self.sandbox.enter(), "tcpdump", "-Z", "root", "-U", "-l", "-nn", "-i", place, *words]

    def status(self) -> dict[str, t.Any]:
        """What runs: the keeper, and for each host its process, the address for ssh and its resident memory in MiB."""
        keeper = self.sandbox.keeper()
        hosts: dict[str, t.Any] = {}
        if keeper is not None:
            wanted = self.topology
            for machine in self.machines():
                name = machine.host.name
                hosts[name] = {"pid": machine.pid(), "address": wanted.ssh_address(name), "memory": machine.memory()}
        return {"lab": self.folder.name, "keeper": keeper, "hosts": hosts}


def find(name: str) -> Lab:
    """The lab of that name in this checkout."""
    return Lab(pathlib.Path(os.environ.get("MIXED_LB_LAB_STATE", ".lab")) / name)
