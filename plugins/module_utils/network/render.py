# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a scope: its record, script and unit for the next boot, drop-ins for systemd-networkd. Pure."""

from __future__ import annotations

import dataclasses
import json
import shlex
import typing as t

from .filters import HOOKS, TOOLS, chain_of, restore_text
from .model import KINDS, Address, Item, NetworkProblem, Port, Record, Route, Rule, Tunnel, Wanted
from .words import add, change, replace

FOLDER = "/etc/mixed_lb/network"
FILTERS = "filters"
"""What the script takes as its argument to do no more than the packet filter."""
FLUSHERS = {"nftables": ("ExecStartPost", "ExecReload"), "netfilter-persistent": ("ExecStartPost",)}
"""Services that take all chains away, and when."""
VERSION = 1


def record_path(scope: str) -> str:
    return f"{FOLDER}/{scope}.json"


def script_path(scope: str) -> str:
    return f"{FOLDER}/{scope}.sh"


def unit_name(scope: str) -> str:
    return f"mixed-lb-network-{scope}.service"


def record_to_json(record: Record) -> str:
    content = {
        "version": VERSION,
        "wanted": [_to_dict(item) for item in record.wanted.items],
        "filters": {f"{f} {table}": list(rules) for (f, table), rules in sorted(record.wanted.filters.items())},
        "found": [_to_dict(item) for item in record.found.values()],
        "files": list(record.files),
    }
    return json.dumps(content, indent=2) + "\n"


def record_from_json(text: str, path: str) -> Record:
    """Raises ``NetworkProblem`` naming ``path`` if the text is no record of ours."""
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}")
        filters = {(int(name.split()[0]), name.split()[1]): tuple(rules) for name, rules in content["filters"].items()}
        found = {item.key: item for item in map(_from_dict, content["found"])}
        wanted = Wanted(tuple(map(_from_dict, content["wanted"])), filters)
        return Record(wanted, found, tuple(content["files"]))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise NetworkProblem(
            f"{path} is damaged ({error}). It holds what this module laid down here: repair it, or remove it to forget"
        ) from error


def _to_dict(item: Item) -> dict[str, t.Any]:
    fields = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    plain = {field.name: field.default for field in dataclasses.fields(item)}
    return {"item": type(item).__name__.lower(), **{k: v for k, v in fields.items() if v != plain[k]}}


def _from_dict(content: dict[str, t.Any]) -> Item:
    fields: dict[str, t.Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items() if k != "item"}
    return KINDS[content["item"]](**fields)


_HEAD = """\
#!/bin/sh
# Managed by Ansible (mixed_lb.stack.host_network, scope {scope}); changes made here are lost.
# Brings back at boot what the scope needs. Safe to run at any time: what is there stays as it is.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C
failed=0

# A step that fails must not keep the others from being taken; the unit tries again until all are.
try() {{ "$@" || failed=1; }}
"""
_ONCE = """
# Rules and ports have no "replace": one that is there already is what we want.
once() {
  said=$(ip "$@" 2>&1) && return
  case $said in
    *"File exists"* | *"already in"*) ;;
    *) echo "ip $*: $said" >&2; failed=1 ;;
  esac
}
"""


def script(scope: str, wanted: Wanted, tools: t.Mapping[int, str] = TOOLS) -> str:
    """A POSIX shell script; ``tools`` names the iptables to call by family."""
    lines = [_HEAD.format(scope=scope)]
    ports, tunnels = wanted.of(Port), wanted.of(Tunnel)
    rules = wanted.of(Rule)
    if rules or ports:
        lines[0] += _ONCE
    lines += _filters(scope, wanted, tools)
    if ports:
        lines.append("try modprobe fou")
    lines += [shlex.join(["once", *add(port)[1:]]) for port in ports]
    for tunnel in tunnels:
        lines.append(f"ip link show dev {shlex.quote(tunnel.name)} >/dev/null 2>&1 || {_try(add(tunnel))}")
        lines += [_try(words) for words in change(None, tunnel)]
    lines += [_try(replace(item)) for item in (*wanted.of(Address), *wanted.of(Route))]
    lines += [shlex.join(["once", *add(item)[1:]]) for item in rules]
    return "\n".join([*lines, 'exit "$failed"', ""])


def _filters(scope: str, wanted: Wanted, tools: t.Mapping[int, str]) -> list[str]:
    """The lines for the packet filter, and where the script ends if it is asked for these alone."""
    chain = chain_of(scope)
    lines = []
    for (family, table), content in sorted(wanted.filters.items()):
        text = restore_text(table, chain, content, jump=False)
        tool, hook = tools[family], HOOKS[table]
        lines.append(f"try {tool}-restore -w --noflush <<'END'\n{text}END")
        hooked, hook_it = (f"{tool} -w -t {table} -{verb} {hook} -j {chain}" for verb in "CA")
        lines.append(f"{hooked} 2>/dev/null || try {hook_it}")
    return [*lines, f'[ "$1" = {FILTERS} ] && exit "$failed"'] if lines else []


def _try(words: t.Sequence[str]) -> str:
    return shlex.join(["try", *words])


def needs_network(wanted: Wanted) -> bool:
    """Whether anything stands on an interface that the network manager brings up."""
    early = {"lo", *(tunnel.name for tunnel in wanted.of(Tunnel))}
    routes = any(route.type == "unicast" for route in wanted.of(Route))
    return routes or any(address.interface not in early for address in wanted.of(Address))


def unit(scope: str, wanted: Wanted) -> str:
    # What the flushers bring back at boot is there before, not at the same time. The unit changes with their drop-ins, too, so
    # systemd reads these.
    flushers = "".join(f" {service}.service" for service in FLUSHERS) if wanted.filters else ""
    if needs_network(wanted):
        order = f"""\
After=network-online.target systemd-modules-load.service systemd-sysctl.service{flushers}
Wants=network-online.target
"""
    else:
        # Before the network: a real server must never be seen on it without its virtual addresses. No default
        # dependencies, as things that wait for the network may stand before sysinit.target (cloud-init does).
        order = f"""\
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service systemd-sysctl.service{flushers}
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target
"""
    return f"""\
# Managed by Ansible (mixed_lb.stack.host_network, scope {scope}); changes made here are lost.
[Unit]
Description=Addresses, tunnels, routes and packet rules for load balancing ({scope})
{order}StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {script_path(scope)}
Restart=on-failure
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


def drop_ins(scope: str, wanted: Wanted, networkd: t.Mapping[str, str], gateways: t.Iterable[str]) -> dict[str, str]:
    """Path to text. ``networkd`` maps interfaces that systemd-networkd manages to their .network file; ``gateways``
    are interfaces that routes of ours without one of their own go by."""
    head = f"# Managed by Ansible (mixed_lb.stack.host_network, scope {scope}); changes made here are lost.\n"
    used = {item.interface for item in (*wanted.of(Address), *wanted.of(Route))} | set(gateways)
    deprecated = {address.interface for address in wanted.of(Address) if address.deprecated}
    texts = {}
    if wanted.filters:
        for service, moments in FLUSHERS.items():
            texts[f"/etc/systemd/system/{service}.service.d/mixed-lb-network-{scope}.conf"] = (
                f"{head}# This service flushes all tables, whether or not the unit of this scope has run.\n[Service]\n"
                + "".join(f"{when}=-/bin/sh {script_path(scope)} {FILTERS}\n" for when in moments)
            )
    for interface, path in sorted(networkd.items()):
        if interface in used:
            # It takes a deprecated address for one with a lease, which only "yes" keeps.
            keep, place = ("yes", 60) if interface in deprecated else ("static", 50)
            # Of several scopes' files the last one counts, so "yes" sorts behind.
            texts[f"/etc/systemd/network/{path.rsplit('/', 1)[-1]}.d/{place}-mixed-lb-{scope}.conf"] = (
                f"{head}# Else a restart of systemd-networkd takes away addresses and routes that it did not set.\n"
                f"[Network]\nKeepConfiguration={keep}\n"
            )
    if wanted.of(Rule) and networkd:
        texts[f"/etc/systemd/networkd.conf.d/50-mixed-lb-{scope}.conf"] = (
            f"{head}# Else a restart of systemd-networkd takes away the routing rules that it did not set itself.\n"
            "[Network]\nManageForeignRoutingPolicyRules=no\n"
        )
    return texts
