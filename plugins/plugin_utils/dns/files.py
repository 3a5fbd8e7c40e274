# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of PowerDNS: those that all scopes share, and those of one scope."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import typing as t

from .versions import problems
from .zones import MARK, Record, zone_text, zones

Options = t.Mapping[str, t.Any]

FOLDER = "/etc/powerdns/mixed_lb"
KEYS = f"{FOLDER}/keys"
SETTINGS = "/etc/powerdns/pdns.d/mixed_lb.conf"
DROP_IN = "/etc/systemd/system/pdns.service.d/mixed_lb.conf"
RUN = "/run/pdns/mixed_lb"
HEAD = "# Written by mixed_lb.stack, role dns_lb. Changes made here are lost."
FOREVER = 10 * 365 * 86400
_ASSEMBLE = (
    f"/bin/sh -c '{{ echo domains:; cat {FOLDER}/*.zone; }} >{RUN}/zones.new && mv {RUN}/zones.new {RUN}/zones.yml'"
)


def dns_problems(options: Options, version: str) -> list[str]:
    """Everything of ``options`` that ``version`` of PowerDNS lacks. Raises ``ValueError`` where the zones are wrong."""
    zones(options)
    return problems(options, version)


def dns_settings(options: Options) -> str:
    """The settings, which all scopes of a host share. ``options`` are the variables of the role without ``dns_lb_``."""
    databases = options.get("geo_databases") or []
    for path in databases:
        if not path.startswith("/") or not path.endswith(".mmdb"):
            raise ValueError(f"geo_databases: {path!r} must be the absolute path of an .mmdb file")
    if not options["listen"]:
        raise ValueError("listen: no address is given")
    lines = {
        "launch+": "geoip",
        "geoip-zones-file": f"{RUN}/zones.yml",
        "geoip-database-files": " ".join(f"mmdb:{path}" for path in databases),
        "geoip-dnssec-keydir": KEYS,
        "local-address": ", ".join(str(ipaddress.ip_address(each)) for each in options["listen"]),
        "local-port": options["port"],
        "enable-lua-records": "shared",
        "lua-records-exec-limit": 1000000,
        "lua-health-checks-interval": options["check_interval"],
        "lua-health-checks-expire-delay": FOREVER,
        "edns-subnet-processing": "yes" if options["client_subnet"] else "no",
        "zone-cache-refresh-interval": 0,
        "query-cache-ttl": 0,
        "negquery-cache-ttl": 0,
    }
    why = {
        "launch+": "zones and keys are files: what is checked is what is served, and it can be put back",
        "lua-health-checks-expire-delay": "a name that nobody asks for stays checked",
        "zone-cache-refresh-interval": "the zones are in memory anyway; a cache would only serve old ones",
    }
    text = [HEAD]
    for key, value in lines.items():
        text += [f"# {why[key]}"] if key in why else []
        text.append(f"{key}={value}")
    return "".join(f"{line}\n" for line in [*text, *options.get("settings", ())])


def dns_unit(options: Options, library: str) -> str:
    """Drop-in for ``pdns.service``. ``library`` is the text of ``answer.lua``, which the daemon keeps until it ends."""
    address, port = dns_address(options), options["port"]
    tool = f"/usr/bin/python3 {FOLDER}/mixed_lb_dns.py"
    digest = hashlib.sha256((dns_settings(options) + library).encode()).hexdigest()[:12]
    lines = [
        HEAD,
        "[Service]",
        "# Changes with what only a restart brings into force.",
        f"Environment=MIXED_LB_DIGEST={digest}",
        f"ExecStartPre=/bin/mkdir -p {RUN}/cold",
        f"ExecStartPre={_ASSEMBLE}",
        "# Until their checks have run, names of which nothing is known to be up are refused, so that resolvers ask the",
        "# other server. None of this may keep the server from starting, hence the minus.",
        f"ExecStartPre=-{tool} cold",
        f"ExecStartPost=-{tool} warm {address} {port}",
        f"ExecStartPost=-/bin/rm -rf {RUN}/cold",
        f"ExecReload=/bin/mkdir -p {RUN}/cold",
        f"ExecReload={_ASSEMBLE}",
        f"ExecReload=-{tool} cold",
        "ExecReload=/usr/bin/pdns_control rediscover",
        "ExecReload=/usr/bin/pdns_control purge",
        f"ExecReload=-{tool} warm {address} {port}",
        f"ExecReload=-/bin/rm -rf {RUN}/cold",
        "# The wait for the checks is part of the start.",
        "TimeoutStartSec=300",
    ]
    return "".join(f"{line}\n" for line in lines)


def dns_address(options: Options) -> str:
    """Where the host itself asks the server."""
    first = ipaddress.ip_address(options["listen"][0])
    if not first.is_unspecified:
        return str(first)
    return "127.0.0.1" if first.version == 4 else "::1"


def _wait(options: Options) -> float:
    """Seconds after which every check has run: one may have missed the round that has just begun."""
    slowest = 2
    for zone in options["zones"]:
        for it in zone.get("balanced") or ():
            slowest = max(slowest, int((it.get("check") or {}).get("timeout") or 0))
    return float(max(int(options["check_interval"]), slowest) + slowest + 0.5)


def dns_zones(options: Options) -> list[dict[str, str]]:
    """A file a zone, in whose order the backend finds children before their parents: it takes the first that fits."""
    return [
        {
            "path": f"{FOLDER}/{99 - each.name.count('.'):02}-{each.name}.zone",
            "content": f"{HEAD} Scope {options['name']}.\n{zone_text(each)}",
        }
        for each in zones(options)
    ]


def dns_names(options: Options) -> str:
    """What ``mixed_lb_dns.py`` asks for, as JSON."""
    found = zones(options)
    content = {
        "wait": _wait(options),
        "zones": [{"name": each.name, "digest": each.digest, "signed": bool(each.keys)} for each in found],
        "plain": sorted({(record.name, _answered(record)) for each in found for record in each.records}),
        "balanced": [
            {"key": it.key, "name": it.name, "type": it.kind, "targets": it.targets}
            for each in found
            for it in each.balanced
        ],
    }
    return json.dumps(content, indent=1) + "\n"


def _answered(record: Record) -> str:
    """The type to ask for; that of a LUA record is the first word of its value."""
    return record.value.split(maxsplit=1)[0].upper() if record.kind == "LUA" else record.kind


def dns_keys(options: Options) -> list[dict[str, str]]:
    """Private keys as ``secret_files`` of ``daemon_config``."""
    return [
        {"path": f"{KEYS}/{file}", "content": text, "mode": "0640", "group": "pdns"}
        for each in zones(options)
        for file, text in each.keys.items()
    ]


def dns_marks(options: Options) -> list[str]:
    """The names whose TXT records say what a server serves, with what they must say."""
    return [f"{MARK}.{each.name} {each.digest}" for each in zones(options)]
