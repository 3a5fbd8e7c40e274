# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host with a kernel of its own: start it, cut its power, see whether it runs."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import signal
import subprocess
import zlib

from . import images, kernels
from .sandbox import Sandbox, processes
from .topology import MANAGEMENT_NETWORK, Host, Topology

KERNEL = pathlib.Path(__file__).with_name("kernel.sh")
SWAP = 256 * 2**20
MANAGEMENT_UNIT = 9  # vec9 is named mgmt0 in the guest

# In the console's log, before what each boot says.
POWER_ON = "--- power on ---\n"


class Machine:
    """The kernel process of ``host``; its files lie in the lab's folder."""

    def __init__(self, sandbox: Sandbox, topology: Topology, host: Host) -> None:
        self.sandbox, self.topology, self.host = sandbox, topology, host
        self.folder = sandbox.folder / "machines" / host.name
        self._umid = f"umid={host.name}"
        self._uml_dir = f"uml_dir={self.folder}/uml"

    def taps(self) -> dict[str, str]:
        """The host's taps on the lab's side, with the network that each is plugged into."""
        taps = {tap(self.host, index): nic.network for index, nic in enumerate(self.host.nics)}
        if self.topology.management:
            taps[tap(self.host, MANAGEMENT_UNIT)] = "mgmt"
        return taps

    def pid(self) -> int | None:
        """The process to kill for a power cut: the one that holds the kernel's own process namespace."""
        for pid, words in processes():
            if words[0] == "unshare" and self._umid in words and self._uml_dir in words:
                return pid
        return None

    def memory(self) -> int | None:
        """Resident memory in MiB, or None where the host is not running: its own RAM as far as used, and what its processes here take."""
        pid = self.pid()
        if pid is None:
            return None
        space = _link(f"/proc/{pid}/ns/pid_for_children")
        ram = rest = 0
        for other, _words in processes():
            if _link(f"/proc/{other}/ns/pid") == space:
                # Several of them map the RAM as one, so adding up what each maps would count it more than once.
                ram = max(ram, *(_size(fd) for fd in _files(f"/proc/{other}/fd")), 0)
                found = re.findall(r"^Pss_(?:Anon|File): *(\d+) kB", _read(f"/proc/{other}/smaps_rollup"), re.MULTILINE)
                rest += sum(map(int, found)) * 1024
        return (ram + rest) // 2**20

    def start(self) -> None:
        """Powers the host on; a disk that is there is kept, so a start after a power cut is a boot of the same host."""
        kernel = kernels.get(self.host.kernel)
        base = images.get(self.host.release, self.host.image)
        (self.folder / "uml").mkdir(parents=True, exist_ok=True)
        swap = self._swap()
        argv = [
            *self.sandbox.enter(),
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            str(KERNEL),
            self._umid,
            self._uml_dir,
            f"mem={self.host.memory}M",
            f"ubd0={self.folder}/disk.cow,{base}",
            f"ubd1={swap}",
            "root=/dev/ubda",
            "rw",
            "con=null",
            "con0=null,fd:1",
            "ssl=null",
            "quiet",
            "net.ifnames=0",
            *kernel.options,
            *self._network_words(),
        ]
        with (self.folder / "console.log").open("ab", buffering=0) as console:
            console.write(POWER_ON.encode())
            environment = {"PATH": os.environ["PATH"], "LAB_KERNEL": str(kernel.program), "LAB_LIBRARY": kernel.preload}
            subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )

    def panicked(self) -> bool:
        """Whether its kernel has given up since it was powered on."""
        console = self.folder / "console.log"
        return console.exists() and "Kernel panic" in console.read_text(errors="replace").rpartition(POWER_ON)[2]

    def _swap(self) -> pathlib.Path:
        """An empty swap disk. A host's memory is scarce, and the kernel would end processes when several run at once."""
        path = self.folder / "swap.img"
        with path.open("wb") as disk:
            disk.truncate(SWAP)
        subprocess.run(["mkswap", "--quiet", path], check=True, stdin=subprocess.DEVNULL)
        path.chmod(0o600)
        return path

    def _network_words(self) -> list[str]:
        host = self.host
        words = [
            f"systemd.hostname={host.name}",
            f"systemd.machine_id={hashlib.md5(host.name.encode(), usedforsecurity=False).hexdigest()}",
            f"lab.manager={host.network_manager}",
        ]
        for index, nic in enumerate(host.nics):
            words += [_vector(index, host), f"lab.eth{index}={','.join(nic.addresses)}"]
        if self.topology.management:
            address = f"{self.topology.ssh_address(host.name)}/{MANAGEMENT_NETWORK.prefixlen}"
            words += [_vector(MANAGEMENT_UNIT, host), f"lab.mgmt0={address}"]
        if host.gateways:
            words.append(f"lab.gateway={','.join(host.gateways)}")
        if host.app:
            words.append(f"lab.app={','.join(map(str, host.app))}")
        return words

    def power_cut(self) -> bool:
        """Ends the kernel between two instructions; True where it ran."""
        pid = self.pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        path = pathlib.Path(f"/proc/{pid}")
        while path.exists() and "State:\tZ" not in _read(path / "status", "State:\tZ"):
            pass
        return True


def _read(path: str | pathlib.Path, otherwise: str = "") -> str:
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return otherwise


def _link(path: str | pathlib.Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _files(folder: str) -> list[pathlib.Path]:
    try:
        return list(pathlib.Path(folder).iterdir())
    except OSError:
        return []


def _size(fd: pathlib.Path) -> int:
    # The RAM is a file without a name.
    try:
        return fd.stat().st_blocks * 512 if _link(fd).endswith(" (deleted)") else 0
    except OSError:
        return 0


def tap(host: Host, unit: int) -> str:
    """The name of a host's tap (at most 15 characters, as the kernel wants)."""
    return f"{host.name}.{unit}"


def mac(host: Host, unit: int) -> str:
    """The hardware address of a network card: the same at every boot and in every lab."""
    digest = zlib.crc32(host.name.encode()).to_bytes(4, "big")
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest, unit))


def _vector(unit: int, host: Host) -> str:
    # Without gro=1 the guest drops every segment that a neighbour sends with offload.
    return f"vec{unit}:transport=tap,ifname={tap(host, unit)},mac={mac(host, unit)},depth=64,gro=1"
