# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespaces that hold a lab: network, mounts and processes, and as an ordinary user a user namespace too.

One process, the keeper, is process 1 of them. To kill it ends every kernel, bridge and tap of the lab at once, so
nothing can be left behind, however the lab command itself ended.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import typing as t

KEEPER = pathlib.Path(__file__).with_name("keeper.py")


class SandboxError(Exception):
    """The namespaces cannot be made or entered; the message says what is missing."""


def processes() -> t.Iterator[tuple[int, list[str]]]:
    """Every process of the machine with its command line."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = entry.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            except OSError:
                continue
            if words:
                yield int(entry.name), words


class Sandbox:
    """The namespaces of the lab in ``folder``."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self._argv = [str(KEEPER), str(folder)]
        self._pid: int | None = None

    def keeper(self) -> int | None:
        """The keeper's process id, or None where the lab is down."""
        if self._pid is not None and pathlib.Path(f"/proc/{self._pid}").exists():
            return self._pid
        self._pid = None
        for pid, words in processes():
            if words[1:] == self._argv and "python" in words[0]:
                self._pid = pid
        return self._pid

    def start(self) -> None:
        """Makes the namespaces; ``SandboxError`` where the machine does not allow it."""
        # More users than root, as else the kernel refuses to set groups, which tcpdump does.
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]
        argv = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        log = self.folder / "keeper.log"
        with log.open("wb") as out:
            subprocess.Popen(
                [*argv, sys.executable, *self._argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + 10
        while self.keeper() is None:
            if time.monotonic() > deadline:
                raise SandboxError(f"cannot make the lab's namespaces: {log.read_text().strip() or 'no answer'}")
            time.sleep(0.02)
        # A private /run, so that names of network namespaces are the lab's own.
        self.sh("mount -t tmpfs none /run && mkdir /run/netns && ip link set lo up")

    def stop(self) -> bool:
        """Ends everything in the lab; True where there was something to end."""
        pid = self.keeper()
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        while pathlib.Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
            time.sleep(0.02)
        self._pid = None
        return True

    def enter(self, namespace: str | None = None) -> list[str]:
        """The words to put before a command to run it in the lab, or in one of its light hosts."""
        words = [*self._nsenter(), "--net", "--mount", "--pid", f"--wdns={os.getcwd()}", "--"]
        if namespace is not None:
            words += ["ip", "netns", "exec", namespace]
        return words

    def cable(self, namespace: str | None = None) -> list[str]:
        """The same for a program that needs the network only; it is the one process, so who ends that ends the program."""
        words = self._nsenter()
        if namespace is None:
            return [*words, "--net", "--"]
        return [*words, "--net", "--mount", "--", "ip", "netns", "exec", namespace]

    def _nsenter(self) -> list[str]:
        pid = self.keeper()
        if pid is None:
            raise SandboxError(f"the lab in {self.folder} is not up")
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={pid}", *user]

    def sh(self, script: str, namespace: str | None = None) -> str:
        """Runs a shell script inside and returns its output; raises ``SandboxError`` with its words."""
        done = subprocess.run(
            [*self.enter(namespace), "sh", "-ec", script], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SandboxError(f"{script}: {done.stderr.strip()}")
        return done.stdout


def _state(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def need(programs: t.Iterable[str]) -> None:
    """Raises ``SandboxError`` naming the first program that is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            raise SandboxError(f"{program} is not installed; ./test and ./demo install it")
