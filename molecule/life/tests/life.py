# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack that changes, and how the hosts were before it came."""

from __future__ import annotations

import typing as t

import snapshot
import yaml
from clients import PATIENT, Clients, is_whole
from described import Service
from drills import check_all_answered
from frame import PROJECT, SCENARIO

from lab.cluster import Lab
from playbooks import Playbooks

VIPS = ("192.0.2.100", "2001:db8:0:2::100")
SERVICES = [Service("tcp", vip, 8080, "wrr", 0) for vip in VIPS]
WEB = {"name": "web", "kind": "servers", "hosts": "web", "port": 8080}
APP = {"name": "app", "kind": "lvs", "vips": list(VIPS), "scheduler": "wrr", "backend": "web"}
EDGE = {"name": "edge", "kind": "nginx", "hosts": "second", "port": 80, "backend": "web"}
SECONDS = 30
"""That a download takes: from before the first step of a migration until after the last one that it could notice."""


class Life(Playbooks):
    """``stack`` is what the playbooks find described."""

    def __init__(self, lab: Lab) -> None:
        super().__init__("inventories/lvs_ha", "molecule/life/inventory")
        self.lab = lab
        self.stack: dict[str, dict[str, t.Any]] = {}
        notes = (PROJECT / ".lab" / "scenarios" / f"{SCENARIO}.yml").read_text()
        machines = yaml.safe_load(notes)["all"]["hosts"]
        self._machines = {name: machines[name] for name in ("lb1", "lb2", "web1", "web2")}
        self._virgin = self._look()

    def describe(self, *tiers: dict[str, t.Any]) -> None:
        """From now on these are in front of the real servers."""
        self.stack = {str(tier["name"]): tier for tier in tiers}
        self.given = {"lb_stack": {"tiers": [*tiers, WEB]}}

    def change(self, name: str, **options: t.Any) -> None:
        """Other options for a tier."""
        self.describe(*({**tier, **(options if tier["name"] == name else {})} for tier in self.stack.values()))

    def left_on(self, *hosts: str) -> list[str]:
        """What is not as it was before the first run."""
        now = self._look()
        return snapshot.differences(self._virgin, {host: now[host] for host in hosts})

    def _look(self) -> dict[str, t.Any]:
        return {name: snapshot.look(machine) for name, machine in self._machines.items()}

    def migrate(self, mode: str, director: str) -> None:
        """To another mode, while clients ask and downloads run. No request may fail, and every download must end."""
        self.change("app", mode=mode)
        clients = Clients(self.lab, SERVICES)
        running = [clients.download(service, SECONDS) for service in SERVICES]
        with clients.asking(f"to {mode}", PATIENT) as seen:
            said = self.play("migrate", "-v", lb_tier="app", lb_drain_timeout=2 * SECONDS)
        check_all_answered(seen)
        # they began in the old mode and were waited for
        assert '"known": 0' not in said and all(one.poll() is not None for one in running)
        assert all(map(is_whole, running))
        assert set(self.methods(director)) == {mode}

    def methods(self, director: str) -> list[str]:
        """How the director sends to each destination."""
        words = self.lab.run(director, "ipvsadm -Sn").split()
        return [{"-g": "dr", "-m": "nat", "-i": "tun"}[word] for word in words if word in ("-g", "-m", "-i")]


def asking(lab: Lab, services: list[Service], why: str) -> t.ContextManager[dict[str, dict[str, t.Any]]]:
    """Clients of whom no request may fail."""
    return Clients(lab, services).asking(why, PATIENT)


def tree(lab: Lab, host: str, folder: str) -> str:
    """All that is in the files of a folder."""
    return lab.run(host, f"find {folder} -type f -exec sha256sum {{}} + | sort -k 2")
