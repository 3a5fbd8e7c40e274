# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be so after every drill: one holder a tier, full pools, and hosts that are as a clean run left them."""

from __future__ import annotations

import concurrent.futures
import re
import time
import typing as t

import snapshot
import yaml
from browser import browse
from described import Described
from frame import PROJECT, SCENARIO
from pair import Pair
from proxies import Proxies, front

from lab.cluster import Lab
from playbooks import Playbooks, Running

NAME = "www.shop.example"
NAME_SERVERS = ("192.0.2.5", "192.0.2.6")
PATIENCE = 60
FOLDERS = (
    "/etc/keepalived /etc/nginx /etc/powerdns /etc/mixed_lb /etc/sysctl.d /etc/modules-load.d /etc/modprobe.d"
    " /etc/systemd/system /usr/local /var/lib/mixed_lb"
)
# Left out: what earlier runs are kept for a roll-back, and of the notes about what is there the name of the run, and which
# schedulers there have been.
FILES = f"find {FOLDERS} -type f -not -path '*/daemon/*.d/*' %s 2>/dev/null | sort"
NOTES, KERNEL = "/var/lib/mixed_lb/daemon", "/var/lib/mixed_lb/kernel"
NOTES_OF_KERNEL = (
    f'import glob, json; notes = {{name: json.load(open(name)) for name in glob.glob("{KERNEL}/*.json")}};'
    ' kept = lambda note: [one for one in note["loaded_modules"] if not one.startswith("ip_vs_")];'
    ' [print(name, {**note, "loaded_modules": kept(note)}) for name, note in sorted(notes.items())]'
)
LOOKS = {
    **{name: snapshot.LOOKS[name] for name in ("rules", "links", "daemons")},
    # The kernel derives one from the memory that is free when ip_vs is loaded, so by each boot anew.
    "sysctls": "sysctl -a --pattern '^net.ipv[46].(conf|vs|ip_forward)' 2>/dev/null"
    " | grep -v -e stable_secret -e sync_qlen_max | sort",
    # VIPs that move are looked for by the pairs; those of real servers are on lo.
    "addresses": "ip -brief address show | sed -E '/^lo/! s, ({vips})/[0-9]+,,g' | sort",
    "routes": "{{ {routes}; }} | grep -v -E '({vips}) .*dev eth|dev eth.* ({vips})'",
    "table": "test ! -e /proc/net/ip_vs || ipvsadm -Sn | sort",
    "files": FILES % "-printf '%p %m %u %g\\n'",
    "contents": FILES % f"-not -path '{NOTES}/*' -not -path '{KERNEL}/*' -exec sha256sum {{}} +",
    "kernel notes": f"python3 -c '{NOTES_OF_KERNEL}'",
    "notes": f'for note in {NOTES}/*.json; do sed -E \'s/"run": *"[^"]*"//\' $note | sha256sum; done',
    "checkers": "systemctl list-units --all --plain --no-legend 'mixed-lb-checker-*' | awk '{print $1, $3, $4}'",
    "failed units": "systemctl --failed --plain --no-legend",
}


class Site(Playbooks):
    """``site.yml`` over the stack as the inventory describes it, or ``changed``: with something else for every tier."""

    def __init__(self, stack: Described) -> None:
        super().__init__("inventories/hybrid_dns_nginx_dr")
        self.described = {"first": stack.tiers, "changed": [_changed(tier) for tier in stack.tiers]}

    def variables(self, description: str) -> dict[str, t.Any]:
        return {"lb_stack": {"tiers": self.described[description]}}

    def towards(self, description: str, *words: str) -> Running:
        """A run that brings the stack there, to be looked at while it goes."""
        return self.start("site", *words, **self.variables(description))


MORE_VIP = "203.0.113.101"
_CHANGES: dict[str, dict[str, t.Any]] = {
    "dns": {"ttl": 20},
    "nginx": {"check": {"type": "http", "path": "/healthz"}},
    "lvs": {"scheduler": "rr"},
}


def _changed(tier: dict[str, t.Any]) -> dict[str, t.Any]:
    # on its way in and out again: what is asked for already would have to stay until nobody does
    more = {"vips": [*tier["vips"], MORE_VIP], "leaving_vips": [MORE_VIP]} if tier["kind"] == "lvs" else {}
    return {**tier, **_CHANGES.get(tier["kind"], {}), **more}


class Whole:
    """The stack as a whole. ``description`` is what it was brought to last."""

    def __init__(self, lab: Lab, stack: Described) -> None:
        self.lab, self.stack, self.site = lab, stack, Site(stack)
        self.description = "first"
        self.edges: Pair = Proxies(lab, ["edge1", "edge2"], [front(stack)])
        self.directors = Pair(lab, ["lb1", "lb2"], stack.fronts)
        notes = yaml.safe_load((PROJECT / ".lab" / "scenarios" / f"{SCENARIO}.yml").read_text())
        self._machines: dict[str, dict[str, t.Any]] = notes["all"]["hosts"]
        vips = {*front(stack)["vips"], *stack.vips, MORE_VIP}
        words = {"vips": "|".join(map(re.escape, sorted(vips))), "routes": snapshot.LOOKS["routes"]}
        self._looks = {
            name: command.format(**words) if name in ("addresses", "routes") else command
            for name, command in LOOKS.items()
        }
        self._clean: dict[str, dict[str, t.Any]] = {}

    @property
    def hosts(self) -> list[str]:
        """All that have a kernel of their own."""
        return list(self._machines)

    def look(self) -> dict[str, t.Any]:
        with concurrent.futures.ThreadPoolExecutor(len(self._machines)) as pool:
            looks = pool.map(lambda machine: snapshot.look(machine, self._looks), self._machines.values())
            return dict(zip(self._machines, looks, strict=True))

    def remember(self) -> None:
        """This is what a clean run leaves."""
        self.check_service()
        self._clean[self.description] = self.look()

    def run_cleanly(self, description: str) -> None:
        """An undisturbed run, to compare with."""
        self.site.play("site", **self.site.variables(description))
        self.description = description
        if description not in self._clean:
            self.remember()

    def prepare_change(self) -> str:
        """The description that is to come next, once it is known what a clean run to either of them leaves."""
        if "changed" not in self._clean:
            self.run_cleanly("changed")
        return "first" if self.description == "changed" else "changed"

    def check_service(self) -> None:
        """One holder a tier, every real server with its weight in every service, both name servers with the VIPs."""
        self.edges.settle()
        self.directors.settle()
        self._until(self._gaps, "whole")

    def _gaps(self) -> list[str]:
        """What is missing in pools and names."""
        tier = next(tier for tier in self.site.described[self.description] if tier["kind"] == "lvs")
        found = []
        for director in self.directors.hosts:
            table = self.lab.run(director, "ipvsadm -Sn").splitlines()
            for vip in tier["vips"]:
                service = f"[{vip}]:8080" if ":" in vip else f"{vip}:8080"
                have = {line.partition(" -r ")[2] for line in table if line.startswith(f"-a -t {service} ")}
                want = {self._destination(host, vip) for host in self.stack.real_servers}
                found += [f"{director}: {service}: {sorted(have)}"] if have != want else []
        for server in NAME_SERVERS:
            ask = f"dig @{server} +short +time=1 +tries=1 {NAME} A {NAME} AAAA"
            said = sorted(self.lab.run("client", ask, check=False).split())
            found += [f"{server}: {said}"] if said != sorted(front(self.stack)["vips"]) else []
        return found

    def _destination(self, host: str, vip: str) -> str:
        rip = next(one for one in self.stack.addresses(host) if (":" in one) == (":" in vip))
        return f"{f'[{rip}]' if ':' in rip else rip}:8080 -g -w {self.stack.weight(host)}"

    def check(self) -> None:
        """All of it. What is about to come true is waited for."""
        self.check_service()
        clean = self._clean[self.description]
        self._until(lambda: snapshot.differences(clean, self.look()), "as a clean run left it")

    def check_by_site(self) -> None:
        """site.yml itself finds nothing to do either."""
        said = self.site.play("site", "--check", "--diff", **self.site.variables(self.description))
        changed = set(re.findall(r"changed=(\d+)", said))
        assert changed == {"0"}, said

    def journals(self) -> dict[str, str]:
        """Of those that may hold VIPs."""
        return {**self.edges.journals(), **self.directors.journals()}

    def wait_until_gone(self, server: str) -> None:
        """The real server is in no pool of any director that is alive."""
        rips = {f"{f'[{rip}]' if ':' in rip else rip}:8080" for rip in self.stack.addresses(server)}

        def there() -> list[str]:
            tables = [self.lab.run(director, "ipvsadm -Sn") for director in self.directors.alive]
            return sorted(rip for rip in rips if any(f" {rip} " in table for table in tables))

        self._until(there, f"without {server}")

    def who_answers_by_name(self) -> set[str]:
        """Real servers that answer a client which has asked both name servers."""
        asks = [f"dig @{server} +short +time=1 +tries=1 {NAME} A" for server in NAME_SERVERS]
        vips = {line for ask in asks for line in self.lab.run("client", ask, check=False).split() if line[0].isdigit()}
        asked = [{"address": vip, "port": 80} for vip in vips] * 8
        return {answer.get("said", {}).get("server", "") for answer in browse(self.lab, asked, all_answered=False)}

    def transitions(self, host: str) -> int:
        """How often VRRP on that host has changed its mind since it booted."""
        return int(self.lab.run(host, "journalctl --unit=keepalived --boot | grep -c 'Entering .* STATE' || true"))

    def _until(self, look: t.Callable[[], list[str]], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while seen := look():
            assert time.monotonic() < deadline, f"after {PATIENCE} s not {what}: {'; '.join(seen)}"
