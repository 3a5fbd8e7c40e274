# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual servers: the schema of ``ipvs_table``, with what only keepalived knows (checks, quorum, sorry server)."""

from __future__ import annotations

import ipaddress
import math
import typing as t

from ..blocks import Block, optional, wanted
from .programs import USER, command_line, event_lines

Options = t.Mapping[str, t.Any]

METHOD = {"dr": "DR", "nat": "NAT", "tun": "TUN"}
CHECKER = {
    "tcp": "TCP_CHECK",
    "http": "HTTP_GET",
    "ssl": "SSL_GET",
    "smtp": "SMTP_CHECK",
    "dns": "DNS_CHECK",
    "udp": "UDP_CHECK",
    "ping": "PING_CHECK",
    "file": "FILE_CHECK",
    "bfd": "BFD_CHECK",
    "misc": "MISC_CHECK",
    "vip": "MISC_CHECK",
}
CHECK_VIP = "/usr/local/sbin/mixed-lb-check-vip"


def pool_file(it: Options, options: Options) -> dict[str, str] | None:
    """Name and path of the file that says whether a virtual server is without real servers; None where nothing does."""
    if (
        not options["empty_pool_priority"]
        or not wanted(options["instances"])
        or it.get("quorum_up")
        or it.get("quorum_down")
    ):
        return None
    words = (
        ["fwmark", it["fwmark"], it.get("family")] if it.get("fwmark") else [it["protocol"], it["address"], it["port"]]
    )
    name = "-".join(map(str, ("pool", *words))).replace(":", ".")
    return {"name": name, "path": f"/run/keepalived-{options['name']}-{name}"}


def check_files(options: Options) -> list[Block]:
    """The files that checks read, each of them once; one that is not there yet is made, with 0 in it."""
    files: dict[str, str] = {}
    for service in wanted(options["virtual_servers"]):
        for owner in (service, *wanted(service.get("destinations"))):
            for check in wanted(owner.get("checks")):
                if check["type"] == "file" and check.get("path"):
                    files[_file_label(check, options)] = check["path"]
    return [Block(f"track_file {label}", [f"file {path}", "init_file 0"]) for label, path in files.items()]


def _file_label(it: Options, options: Options) -> str:
    if bool(it.get("path")) == bool(it.get("name")):
        raise ValueError("check file: give either path, the file, or name, a track_file of your own lines")
    return f"{options['name']}_check{it['path'].replace('/', '-')}" if it.get("path") else str(it["name"])


def _quorum(it: Options, options: Options) -> list[str]:
    """What happens when the real servers are enough, and when they are too few."""
    file = pool_file(it, options)
    if file is None:
        return event_lines(it, ("quorum_up", "quorum_down"), options)
    return [
        f"quorum_{event} \"/bin/sh -c 'echo {empty} >{file['path']}'\" root"
        for event, empty in (("up", 0), ("down", 1))
    ]


def virtual_server(it: Options, options: Options) -> Block:
    """One ``virtual_server`` with its real servers."""
    by_mark = it.get("fwmark")
    ipv6 = it.get("family") == "ipv6" if by_mark else ":" in it["address"]
    destinations = wanted(it.get("destinations"))
    forward = destinations[0].get("forward") if destinations else None
    body = [
        *([f"ip_family {'inet6' if ipv6 else 'inet'}"] if by_mark else [f"protocol {it['protocol'].upper()}"]),
        f"lvs_sched {it.get('scheduler') or 'wlc'}",
        f"lvs_method {METHOD[forward or 'dr']}",
        *it.get("scheduler_flags", ()),
        *_persistence(it, ipv6=ipv6),
        *_switches(it, options, ("alpha", "omega")),
        *(["ops"] if it.get("one_packet") else []),
        # Checks go their own pace: each has its interval.
        *optional(it, {"quorum": "quorum", "hysteresis": "hysteresis"}),
        *_quorum(it, options),
        *_sorry_server(it.get("sorry_server"), it),
        *it.get("lines", ()),
        *(_real_server(each, it, options) for each in destinations),
    ]
    return Block(
        f"virtual_server fwmark {by_mark}" if by_mark else f"virtual_server {it['address']} {it['port']}", body
    )


def _persistence(it: Options, *, ipv6: bool) -> list[str]:
    if not it.get("persistent"):
        return []
    lines = [f"persistence_timeout {it['persistent']}"]
    mask = it.get("persistence_mask")
    if mask is not None:
        granularity = mask if ipv6 else ipaddress.IPv4Network(f"0.0.0.0/{mask}").netmask
        lines.append(f"persistence_granularity {granularity}")
    return lines + optional(it, {"persistence_engine": "persistence_engine"})


def _switches(it: Options, options: Options, names: t.Sequence[str]) -> list[str]:
    """Words that are there or not; the role's own value holds where a virtual server says nothing."""
    return [name for name in names if it.get(name, options.get(name))]


def _sorry_server(sorry: Options | None, it: Options) -> list[str]:
    if not sorry:
        return []
    return [
        f"sorry_server {sorry['address']} {sorry.get('port') or it.get('port', 0)}",
        f"sorry_server_lvs_method {METHOD[sorry.get('forward') or 'dr']}",
    ]


def _real_server(it: Options, service: Options, options: Options) -> Block:
    port = it.get("port")
    body = [
        f"weight {it.get('weight', 1)}",
        f"lvs_method {_method(it)}",
        *optional(it, {"upper_threshold": "uthreshold", "lower_threshold": "lthreshold"}),
        *_switches(service, options, ("inhibit_on_failure",)),
        *it.get("lines", ()),
        *(_checker(each, it, service, options) for each in wanted(it.get("checks") or service.get("checks"))),
    ]
    return Block(f"real_server {it['address']} {service.get('port', 0) if port is None else port}", body)


def _method(it: Options) -> str:
    forward, tunnel = it.get("forward") or "dr", it.get("tunnel") or {}
    kind = tunnel.get("type") or "ipip"
    if forward != "tun" or kind == "ipip":
        return METHOD[forward]
    checksum = tunnel.get("checksum") or "none"
    port = [f"port {tunnel['port']}"] if kind == "gue" else []
    return " ".join(["TUN type", kind, *port, "nocsum" if checksum == "none" else checksum])


def _checker(it: Options, server: Options, service: Options, options: Options) -> Block:
    kind = it["type"]
    if kind == "vip":
        it = _vip(it, server, service, options)
    if kind == "bfd":
        body: list[str | Block] = [f"name {it['name']}"]
    elif kind == "file":
        body = [f"track_file {_file_label(it, options)}", f"weight {it.get('weight') or 0}"]
    else:
        body = [*_pace(it, options), *_question(kind, it, options)]
    return Block(CHECKER[kind], [*body, *it.get("lines", ())])


def _vip(it: Options, server: Options, service: Options, options: Options) -> dict[str, t.Any]:
    """The check that asks the real server for the VIP, as it would be forwarded to it."""
    vip, port = it.get("address") or service.get("address"), it.get("port") or service.get("port")
    where = f"check vip of {server['address']}"
    if not vip or not port or (service.get("protocol", "tcp") != "tcp" and not it.get("port")):
        raise ValueError(f"{where}: the service does not say which VIP and TCP port to ask for: give address and port")
    if server.get("forward") == "nat":
        raise ValueError(f"{where}: with nat it has no VIP to answer for: take another check")
    if (":" in vip) != (":" in server["address"]):
        raise ValueError(f"{where}: it is of another family than {vip}: take another check")
    timeout = it.get("timeout") or options["check_timeout"]
    words = ["/usr/bin/python3 -IS", CHECK_VIP, timeout, vip, port, server["address"], *_tunnel(server)]
    # It ends by itself, so the rest is for a host that is too busy to start it: all real servers would fail at once.
    # Only raw sockets can send for another address, and those are root's.
    return {**it, "type": "misc", "command": " ".join(map(str, words)), "timeout": timeout + 4, "user": "root"}


def _tunnel(server: Options) -> list[str]:
    if server.get("forward") != "tun":
        return []
    tunnel = server.get("tunnel") or {}
    kind = tunnel.get("type") or "ipip"
    if kind == "gue":
        return [f"gue:{tunnel['port']}"]
    return ["gre+csum" if kind == "gre" and tunnel.get("checksum") == "csum" else kind]


def _pace(it: Options, options: Options) -> list[str]:
    return [
        f"delay_loop {it.get('interval') or options['check_interval']}",
        # The first check comes at once, not at some moment within the interval.
        "warmup 0",
        f"retry {it.get('retry', options['check_retry'])}",
        f"delay_before_retry {it.get('retry_delay') or options['check_retry_delay']}",
    ]


def _question(kind: str, it: Options, options: Options) -> list[str | Block]:
    timeout = it.get("timeout") or options["check_timeout"]
    if kind in ("misc", "vip"):
        # Of all time-outs this one takes whole seconds only.
        limit = f"misc_timeout {math.ceil(timeout)}"
        dynamic = ["misc_dynamic"] if it.get("dynamic") else []
        command = command_line(it["command"], it.get("user"), options)
        return [f'misc_path "{command}"', limit, *dynamic, f"user {USER}"]
    body: list[str | Block] = [
        f"connect_timeout {timeout}",
        *optional(it, {"address": "connect_ip", "port": "connect_port"}),
    ]
    if kind in ("http", "ssl"):
        words = {"host": "virtualhost", "status": "status_code", "digest": "digest"}
        url = [f"path {it.get('path') or '/'}", *optional(it, words)]
        url += [f'regex "{it["regex"]}"'] if it.get("regex") else []
        body += [*(["enable_sni"] if kind == "ssl" else []), Block("url", url)]
    elif kind == "dns":
        body += optional({"query": "SOA", "name": ".", **it}, {"query": "type", "name": "name"})
    elif kind == "smtp":
        body += optional(it, {"host": "helo_name"})
    elif kind == "udp" and it.get("payload"):
        body += [f"payload {it['payload']}", "require_reply"]
    return body
