# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack that changes, and how the hosts were before it came."""

from __future__ import annotations

import re
import typing as t

import snapshot
import yaml
from ask import ask, share
from clients import PATIENT, Clients, Held
from described import Service
from drills import check_all_answered
from frame import PROJECT, SCENARIO
from pair import Pair
from waiting import until

from lab.cluster import Lab
from playbooks import Playbooks

VIPS = ("192.0.2.100", "2001:db8:0:2::100")
SERVICES = [Service("tcp", vip, 8080, "wrr", 0) for vip in VIPS]
WEB = {"name": "web", "kind": "servers", "hosts": "web", "port": 8080}
REST = {**WEB, "hosts": "rest"}
"""Without web2."""
APP = {"name": "app", "kind": "lvs", "vips": list(VIPS), "scheduler": "wrr", "backend": "web"}
RIPS = {"web1": ("192.0.2.21", "2001:db8:0:2::21"), "web2": ("192.0.2.22", "2001:db8:0:2::22")}
WAITS = "Wait for what began in the old mode"


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

    def describe(self, *tiers: dict[str, t.Any], web: dict[str, t.Any] | None = None) -> None:
        """From now on these are in front of the real servers."""
        self.stack = {str(tier["name"]): tier for tier in tiers}
        self.given = {"lb_stack": {"tiers": [*tiers, web or WEB]}}

    def change(self, name: str, web: dict[str, t.Any] | None = None, **options: t.Any) -> None:
        """Other options for a tier."""
        tiers = [{**tier, **(options if tier["name"] == name else {})} for tier in self.stack.values()]
        self.describe(*tiers, web=web)

    def left_on(self, *hosts: str) -> list[str]:
        """What is not as it was before the first run."""
        now = self._look()
        return snapshot.differences(self._virgin, {host: now[host] for host in hosts})

    def _look(self) -> dict[str, t.Any]:
        return {name: snapshot.look(machine) for name, machine in self._machines.items()}

    def journals(self) -> dict[str, str]:
        """Of those that may hold VIPs."""
        return Pair(self.lab, ["lb1", "lb2"], []).journals()

    def migrate(self, mode: str, director: str, *, again: bool = False) -> None:
        """To another mode, under clients that ask and downloads that have begun before: nothing fails, nothing is cut.

        ``again``: it is cut off in the middle once, and has too little time once.
        """
        self.change("app", mode=mode)
        clients = Clients(self.lab, SERVICES)
        old = [clients.hold(service) for service in SERVICES]
        with clients.asking(f"to {mode}", PATIENT) as seen:
            if again:
                with self.start("migrate", lb_tier="app") as first:
                    first.reaches(WAITS)
                    first.cut_off()
                said = self.refused("migrate", lb_tier="app", lb_drain_timeout=1)
                assert f"{len(old)} connections still go as they began" in said
            with self.start("migrate", lb_tier="app") as run:
                run.reaches(WAITS)
                for download in old:
                    download.ends_well()
                run.succeeds()
        check_all_answered(seen)
        assert self.methods(director) == {mode}

    def methods(self, director: str) -> set[str]:
        """How the director sends to its destinations."""
        words = self.lab.run(director, "ipvsadm -Sn").split()
        return {{"-g": "dr", "-m": "nat", "-i": "tun"}[word] for word in words if word in ("-g", "-m", "-i")}

    def schedulers(self, director: str) -> set[str]:
        return set(re.findall(r" -s (\w+)", self.lab.run(director, "ipvsadm -Sn")))

    def weights(self, director: str) -> dict[str, set[int]]:
        """The weights of each real server that the director has, over all services."""
        found: dict[str, set[int]] = {}
        for line in self.lab.run(director, "ipvsadm -Sn").splitlines():
            for name, rips in RIPS.items():
                if line.startswith("-a") and any(f" {rip}:" in line or f"[{rip}]:" in line for rip in rips):
                    found.setdefault(name, set()).add(int(line.rsplit(" -w ", 1)[1].split()[0]))
        return found

    def held_by(self, server: str, service: Service) -> Held:
        """A download from that real server."""
        clients, others = Clients(self.lab, [service]), []
        while (download := clients.hold(service)).server != server:
            others.append(download)
            assert len(others) < 10, f"{server} serves nobody"
        for other in others:
            other.ends_well()
        return download

    def leave_and_come_back(self, task: str, directors: t.Sequence[str], others: t.Sequence[Service] = ()) -> None:
        """``site.yml`` alone: web2 leaves, the scheduler and weights change, web2 comes back. Nothing is cut meanwhile.

        ``task``: in which it waits for the connections of web2.
        """
        downloads = {server: self.held_by(server, SERVICES[0]) for server in RIPS}
        with asking(self.lab, [*SERVICES, *others], "web2 leaves and comes back") as seen:
            self.change("app", web=REST, scheduler="wlc", drain_timeout=120)
            with self.start("site", lb_weight=3) as run:
                run.reaches(task)
                for director in directors:
                    until(
                        lambda director=director: self.weights(director).get("web2"), {0}, f"web2 drained on {director}"
                    )
                downloads["web2"].ends_well()
                run.succeeds()
            for director in directors:
                until(lambda director=director: self.weights(director), {"web1": {3}}, f"web2 gone from {director}")
                assert self.schedulers(director) == {"wlc"}
            self.change("app", scheduler="wrr")
            self.play("site")
            for director in directors:
                wanted = {"web1": {1}, "web2": {2}}
                until(lambda director=director: self.weights(director), wanted, f"web2 back on {director}")
                assert self.schedulers(director) == {"wrr"}
            # others ask in between, so who answers is not simply the next one
            until(lambda: set(share(ask(self.lab, SERVICES[0], 6))), set(RIPS), "both answer")
        check_all_answered(seen)
        downloads["web1"].ends_well()


def asking(lab: Lab, services: list[Service], why: str) -> t.ContextManager[dict[str, dict[str, t.Any]]]:
    """Clients of whom no request may fail."""
    return Clients(lab, services).asking(why, PATIENT)


def tree(lab: Lab, host: str, folder: str) -> str:
    """All that is in the files of a folder."""
    return lab.run(host, f"find {folder} -type f -exec sha256sum {{}} + | sort -k 2")
