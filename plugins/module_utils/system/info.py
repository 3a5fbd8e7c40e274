# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role must know of a host before it changes it: read from files, and asked of ip. Changes nothing."""

from __future__ import annotations

import fnmatch
import ipaddress
import json
import os
import re
import shlex
import sys
import typing as t

from . import drained
from .command import Command
from .files import FileProblem, FileStore, Proc
from .networkd import network_file
from .records import of_all_scopes
from .units import FOLDER as UNITS

_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200  # flags of /proc/net/route
KERNEL = "/var/lib/mixed_lb/kernel"
TIMEOUTS_UNIT = re.compile(r"mixed-lb-ipvs\.timeouts\.(.+)\.service")
KEEPALIVED = "/etc/keepalived/keepalived.conf"


class InfoProblem(Exception):
    """A program or file did not say what it always says."""


def gather(
    packages: t.Sequence[str],
    programs: t.Sequence[str],
    command: Command,
    files: FileStore,
    proc: Proc,
    where: t.Callable[[str], str | None],
) -> dict[str, t.Any]:
    """All of it, as ``host_info`` returns it. Raises ``InfoProblem``, ``DrainedProblem``, ``FileProblem``, ``ProgramMissing``."""
    release = _assignments(files.read("/etc/os-release") or "")
    kernel = (proc.read("/proc/sys/kernel/osrelease") or "").strip()
    return {
        "distribution": {
            "id": release.get("ID"),
            "version": release.get("VERSION_ID"),
            "codename": release.get("VERSION_CODENAME"),
        },
        "kernel": kernel,
        "interfaces": interfaces(command, files),
        "gateways": {
            "ipv4": gateway4(proc.read("/proc/net/route") or ""),
            "ipv6": gateway6(_routes6(command)),
        },
        "packages": versions(files.read("/var/lib/dpkg/status") or "", packages) if packages else {},
        "programs": {program: where(program) for program in programs},
        "ipvs": _ipvs(kernel, files, proc),
        "drained": drained.read(files),
        "kernel_scopes": sorted(of_all_scopes(KERNEL, files, lambda _text, path: path)),
    }


def _assignments(text: str) -> dict[str, str]:
    """NAME=value lines as a shell reads them."""
    pairs = (word.partition("=") for word in shlex.split(text, comments=True))
    return {name: value for name, equals, value in pairs if equals}


def interfaces(command: Command, files: FileStore) -> list[dict[str, t.Any]]:
    """All network interfaces with their addresses, in the kernel's order."""
    result = command(["ip", "-json", "address", "show"])
    try:
        if result.rc != 0:
            raise ValueError(result.err.strip())
        return [interface(row, files) for row in json.loads(result.out) if row]
    except (ValueError, KeyError) as error:
        raise InfoProblem(f"ip address show failed: {error}") from error


def interface(row: t.Mapping[str, t.Any], files: FileStore) -> dict[str, t.Any]:
    """One interface of ``ip -json address``."""
    return {
        "name": row["ifname"],
        "mac": row.get("address"),
        "mtu": row["mtu"],
        "up": "UP" in row["flags"],
        "network_file": network_file(row["ifindex"], files),
        "addresses": [f"{a['local']}/{a['prefixlen']}" for a in row.get("addr_info", []) if "local" in a],
    }


def gateway4(text: str) -> dict[str, str] | None:
    """The default route of least metric in /proc/net/route, whose addresses are in the byte order of the machine."""
    routes = []
    for line in text.splitlines()[1:]:
        device, network, gateway, flags, _refs, _use, metric, mask = line.split()[:8]
        usable = int(flags, 16) & (_UP | _GATEWAY | _REJECT) == _UP | _GATEWAY
        if usable and int(network, 16) == 0 == int(mask, 16):
            address = ipaddress.IPv4Address(int(gateway, 16).to_bytes(4, sys.byteorder))
            routes.append((int(metric), {"address": str(address), "interface": device}))
    return min(routes, key=lambda route: route[0])[1] if routes else None


def _routes6(command: Command) -> str:
    """Not /proc/net/ipv6_route: that has the routes of all tables, also of those that tiers lay down."""
    result = command(["ip", "-json", "-6", "route", "show", "table", "main", "default"])
    return result.out if result.rc == 0 else ""  # a kernel without IPv6


def gateway6(text: str) -> dict[str, str] | None:
    """The same in what ``ip -json -6 route show table main default`` prints."""
    routes = []
    for row in json.loads(text) if text.strip() else []:
        for hop in row.get("nexthops") or [row]:
            if "gateway" in hop and row.get("type", "unicast") == "unicast":
                routes.append((int(row.get("metric", 0)), {"address": hop["gateway"], "interface": hop["dev"]}))
    return min(routes, key=lambda route: route[0])[1] if routes else None


def versions(status: str, names: t.Sequence[str]) -> dict[str, str | None]:
    """Versions of installed packages in dpkg's status file; ``None`` where one is not installed."""
    found: dict[str, str | None] = {}
    text = f"\n\n{status}\n"
    for name in names:
        found[name] = None
        at = text.find(f"\nPackage: {name}\n")
        while at >= 0 and found[name] is None:  # a package may be there once for each architecture
            lines = text[at : text.find("\n\n", at + 1)].splitlines()
            fields = dict(line.split(": ", 1) for line in lines if ": " in line)
            if fields.get("Status", "").endswith(" installed"):
                found[name] = fields.get("Version")
            at = text.find(f"\nPackage: {name}\n", at + 1)
    return found


def timeouts_unit(scope: str) -> str:
    """The unit that sets a scope's timeouts of IPVS at boot. With a dot, so it never meets that of a scope's table."""
    return f"mixed-lb-ipvs.timeouts.{scope}.service"


def timeout_scopes(files: FileStore) -> list[str]:
    """The scopes that have one."""
    return [found[1] for name in files.names(UNITS) if (found := TIMEOUTS_UNIT.fullmatch(name))]


def _ipvs(kernel: str, files: FileStore, proc: Proc) -> dict[str, t.Any]:
    loaded = proc.exists("/proc/net/ip_vs")
    folder = f"/lib/modules/{kernel}"
    lists = (f"{folder}/modules.dep", f"{folder}/modules.builtin")
    available = loaded or any("/ip_vs.ko" in (files.read(path) or "") for path in lists)
    writer = _writer(files, proc)
    return {"loaded": loaded, "available": available, "writer": writer, "timeouts": timeout_scopes(files)}


def _writer(files: FileStore, proc: Proc) -> str:
    """Who else writes the kernel's IPVS table on this host."""
    if _writes_services(KEEPALIVED, files) and _runs("keepalived", files, proc):
        return "keepalived"
    if _assignments(files.read("/etc/default/ipvsadm") or "").get("AUTO") == "true":
        return "ipvsadm_service"
    return "none"


def _writes_services(path: str, files: FileStore, depth: int = 5) -> bool:
    """Whether a configuration of keepalived, with what it includes, has a virtual_server."""
    for line in (files.read(path) or "").splitlines():
        words = line.split("#")[0].split("!")[0].split()
        if words[:1] == ["virtual_server"]:
            return True
        if len(words) == 2 and words[0].startswith("include") and depth:
            folder, pattern = os.path.split(os.path.join(os.path.dirname(path), words[1]))
            for name in files.names(folder):
                if fnmatch.fnmatch(name, pattern) and _writes_services(f"{folder}/{name}", files, depth - 1):
                    return True
    return False


def _runs(program: str, files: FileStore, proc: Proc) -> bool:
    for name in files.names("/proc"):
        if name.isdigit():
            try:
                if proc.read(f"/proc/{name}/comm") == program:
                    return True
            except FileProblem:  # it ended while we looked
                continue
    return False
