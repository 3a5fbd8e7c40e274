# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line: ``python -m lab up|down|inventory|ssh|exec|power-cut|power-on|reboot|partition|heal|capture|status|images``."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys

from . import cache, cluster, images, rights, topology
from .sandbox import SandboxError

EXPECTED = (
    cache.CacheError,
    cluster.LabError,
    SandboxError,
    topology.TopologyError,
    subprocess.CalledProcessError,
    OSError,
)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m lab", description="Real kernels and networks on one machine.")
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, text: str, lab: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        if lab:
            made.add_argument("lab", help="the lab's name")
        return made

    up = command("up", "boot the hosts of a topology and wait until they answer")
    up.add_argument("topology", type=pathlib.Path, nargs="?", help="its file; default: lab/topologies/LAB.yml")
    command("down", "end everything in the lab and remove its files")
    command("status", "what runs")
    inventory = command("inventory", "an Ansible inventory of the lab, on standard output")
    inventory.add_argument(
        "--from", dest="source", metavar="HOST", help="ssh comes from this light host, over the data networks"
    )
    for name, text in (
        ("power-cut", "cut the power of hosts"),
        ("power-on", "boot hosts whose power was cut"),
        ("reboot", "reboot hosts in an orderly way and wait until all is started"),
        ("partition", "pull the data cables of hosts"),
        ("heal", "plug the data cables of hosts in again"),
    ):
        command(name, text).add_argument("hosts", nargs="+")
    ssh = command("ssh", "log in to a host, or run a command there")
    ssh.add_argument("host")
    ssh.add_argument("words", nargs=argparse.REMAINDER)
    run = command("exec", "run a command of this machine inside the lab's network, as a light host (client, router)")
    run.add_argument("host")
    run.add_argument("words", nargs=argparse.REMAINDER)
    capture = command("capture", "tcpdump on a network, or on a host's cable as HOST.0")
    capture.add_argument("place")
    capture.add_argument("words", nargs=argparse.REMAINDER)
    command("images", "build the images of both releases", lab=False)
    return top


def main() -> int:
    arguments = parser().parse_args()
    if arguments.command == "images":
        rights.need()
        images.prepare(topology.RELEASES)
        return 0
    lab = cluster.find(arguments.lab)
    match arguments.command:
        case "up":
            lab.up(arguments.topology or pathlib.Path(__file__).parent / "topologies" / f"{arguments.lab}.yml")
        case "down":
            lab.down()
        case "status":
            print(json.dumps(lab.status(), indent=2))
        case "inventory":
            print(lab.inventory(arguments.source), end="")
        case "power-cut" | "power-on" | "reboot" | "partition" | "heal":
            getattr(lab, arguments.command.replace("-", "_"))(arguments.hosts)
        case "ssh":
            return subprocess.call(lab.ssh(arguments.host, arguments.words))
        case "exec":
            return subprocess.call([*lab.sandbox.enter(arguments.host), *arguments.words])
        case "capture":
            return subprocess.call(lab.capture(arguments.place, arguments.words))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, BrokenPipeError):
        os.kill(os.getpid(), signal.SIGPIPE)
    except EXPECTED as error:
        sys.exit(f"lab: {error}")
