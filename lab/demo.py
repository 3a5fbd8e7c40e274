# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: the example inventory ``lvs_dr`` on virgin hosts, a change, a reboot, and a table of what was seen."""

from __future__ import annotations

import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing as t

import yaml

from . import cache, client, report
from .capture import Capture
from .cluster import Lab, LabError, find
from .machine import mac
from .sandbox import SandboxError

PROJECT = pathlib.Path(__file__).resolve().parent.parent
INVENTORY = PROJECT / "inventories" / "lvs_dr"
VIPS = ("192.0.2.100", "2001:db8:0:2::100")
REQUESTS = 40
PORT = 8080


def main() -> int:
    """Runs it; ``--keep`` leaves the lab up."""
    lab = find("demo")
    lab.down()
    try:
        lab.up(PROJECT / "lab" / "topologies" / "lan.yml")
        rows = [
            _row(lab, "built from nothing", _site(lab)),
            _row(lab, "run once more", _site(lab)),
            _row(lab, "web1 weighs 3", _site(lab, {"web1": 3})),
        ]
        hosts = ["lb1", "web1", "web2", "web3"]
        with report.step("reboot of the director and all real servers"):
            lab.reboot(hosts)
        rows.append(_row(lab, "all rebooted, no Ansible", None))
        _table(rows)
    except (LabError, SandboxError, cache.CacheError, subprocess.CalledProcessError, AssertionError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        if "--keep" not in sys.argv:
            lab.down()
    if "--keep" in sys.argv:
        print("The lab is up: .venv/bin/python -m lab ssh demo lb1; end it with .venv/bin/python -m lab down demo")
    return 0


def _site(lab: Lab, weights: t.Mapping[str, int] | None = None) -> int:
    """Runs site.yml as a user would, by plain ssh; returns how many tasks changed something."""
    inventories = [INVENTORY, lab.folder / "inventory.yml"]
    with tempfile.TemporaryDirectory() as folder:
        if weights:
            change = pathlib.Path(folder) / "weights.yml"
            change.write_text(
                yaml.safe_dump({"all": {"hosts": {host: {"lb_weight": w} for host, w in weights.items()}}})
            )
            inventories.append(change)
        words = [word for inventory in inventories for word in ("-i", str(inventory))]
        with report.step("ansible-playbook site.yml"):
            done = subprocess.run(
                ["ansible-playbook", *words, "site.yml"],
                cwd=PROJECT,
                env={**os.environ, "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_PIPELINING": "True"},
                stdout=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
                check=False,
            )
    if done.returncode != 0:
        raise LabError(f"site.yml failed:\n{done.stdout[-3000:]}")
    return sum(int(changed) for changed in re.findall(r"changed=(\d+)", done.stdout))


def _row(lab: Lab, what: str, changed: int | None) -> list[str]:
    """Asks through every VIP and says who answered, by which way, and what the run before changed."""
    served: collections.Counter[str] = collections.Counter()
    failed = 0
    by_mac = {mac(host, 0): host.name for host in lab.topology.machines()}
    with Capture(lab, "router.0", f"src port {PORT} and (tcp[tcpflags] & tcp-syn != 0 or ip6)") as capture:
        for vip in VIPS:
            answers = client.ask(lab, "tcp", vip, PORT, REQUESTS)
            failed += sum("error" in answer for answer in answers)
            served.update(answer["server"] for answer in answers if "error" not in answer)
        frames = capture.until(lambda frames: sum("[S.]" in frame.text for frame in frames) >= 2 * REQUESTS)
    senders = sorted({by_mac.get(frame.source, frame.source) for frame in frames if "Flags [S.]" in frame.text})
    if failed or not served:
        raise LabError(f"{what}: {failed} of {2 * REQUESTS} requests failed")
    shares = " ".join(f"{host}:{served[host]}" for host in sorted(served))
    return [what, "-" if changed is None else str(changed), shares, f"from {', '.join(senders)} straight to the router"]


def _table(rows: list[list[str]]) -> None:
    head = ["", "tasks that changed", f"answers to {2 * REQUESTS} requests, IPv4 and IPv6", "replies"]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print()
    for row in [head, ["-" * width for width in widths], *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
