# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How ssh gets into a lab: by the network for it alone, or from a light host, over the networks that the hosts serve."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import subprocess
import tempfile
import typing as t

from . import cache
from .sandbox import Sandbox
from .topology import Topology, TopologyError

# A shared connection lasts as long as its host does, however long nobody uses it; ssh notices by itself that a host is gone.
PERSIST = "-o ControlPersist=yes"
OPTIONS = (
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
    f"-o ServerAliveInterval=30 -o ControlMaster=auto {PERSIST}"
)


class Access:
    """ssh to the hosts of the lab in ``sandbox``; ``source``, where given, names the light host that it comes from."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        # Sockets have short paths only, whatever the checkout's path is.
        digest = hashlib.sha256(str(sandbox.folder).encode()).hexdigest()[:10]
        self.sockets = pathlib.Path(tempfile.gettempdir()) / f"mixed-lb-{digest}"

    def words(self, topology: Topology, name: str, source: str | None = None) -> list[str]:
        """The words of an ssh call to a host; the command there may follow them."""
        address = topology.ssh_address(name, source)
        call = f'exec ssh -i {cache.ssh_key()} {self._options(name, source)} root@{address} "$@"'
        return ["sh", "-c", call, "ssh"]

    def inventory(self, topology: Topology, source: str | None = None) -> dict[str, t.Any]:
        """An Ansible inventory of all hosts with a kernel of their own: how to connect, and nothing else."""
        if source is not None and not topology.host(source).namespace:
            raise TopologyError(f"{source} is not a light host: ssh comes from a client or router of the lab")
        hosts = {
            host.name: {
                "ansible_host": topology.ssh_address(host.name, source),
                "ansible_user": "root",
                "ansible_port": 22,
                "ansible_ssh_private_key_file": str(cache.ssh_key()),
                # Ansible's own come first in the call, and the first one counts.
                "ansible_ssh_args": PERSIST,
                "ansible_ssh_common_args": self._options(host.name, source),
                "ansible_python_interpreter": "/usr/bin/python3",
            }
            for host in topology.machines()
        }
        return {"all": {"hosts": hosts}}

    def open(self) -> None:
        """Makes the place for shared connections."""
        self.sockets.mkdir(mode=0o700, exist_ok=True)

    def forget(self, name: str = "*") -> None:
        """Ends the shared connections to a host, or to all: one to a host that is gone would hang whoever comes next."""
        for socket in self.sockets.glob(f"{name}@*"):
            argv = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "lab"]
            subprocess.run(argv, capture_output=True, check=False)

    def close(self) -> None:
        """Ends all shared connections, and removes their place."""
        self.forget()
        # It may never have been made, as where ``up`` was interrupted.
        shutil.rmtree(self.sockets, ignore_errors=True)

    def _options(self, name: str, source: str | None) -> str:
        proxy = " ".join(self.sandbox.cable(source))
        return f"{OPTIONS} -o ControlPath={self.sockets}/{name}@{source or 'lab'} -o 'ProxyCommand={proxy} nc %h %p'"
