# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of keepalived: the main one, which all scopes share, and one a scope."""

from __future__ import annotations

import typing as t

from ..blocks import Block, Items, listing, optional, render, wanted
from . import bfd, virtual_server, vrrp

Options = t.Mapping[str, t.Any]

FOLDER = "/etc/keepalived/mixed_lb"
RELOAD_CHECK = (
    "# a reload with a broken file would take virtual servers and VIPs down: it is refused, and this says why",
    "reload_check_config /run/keepalived.refused",
)
HEAD = "# Written by mixed_lb.stack, role keepalived. Changes made here are lost."


def keepalived_main(options: Options) -> str:
    """``keepalived.conf``.

    ``options``: ``router_id``, ``script_user``, ``garp_refresh`` (seconds), ``reload_check``, ``global_lines``.
    """
    body = [
        f"router_id {options['router_id']}",
        "vrrp_version 3",
        "max_auto_priority -1",
        f"vrrp_garp_master_refresh {options['garp_refresh']}",
        # Neighbours ignore a second announcement within a second of the first, as when a VIP goes there and back.
        "vrrp_garp_master_delay 1",
        "# one of two holders that meet gives up, and says so: else the other would not announce its VIPs again",
        "vrrp_higher_prio_send_advert true",
        "enable_script_security",
        f"script_user {options['script_user']}",
        *(RELOAD_CHECK if options["reload_check"] else ()),
        *options.get("global_lines", ()),
    ]
    return render([HEAD, Block("global_defs", body), "", f"include {FOLDER}/*.conf"])


def keepalived_scope(options: Options) -> str:
    """The file of a scope; ``options`` are the variables of the role without ``keepalived_``.

    ``host_interfaces`` among them are those that ``host_info`` found: they tell where an instance without one belongs.
    """
    instances = _instances(options)
    servers = wanted(options["virtual_servers"])
    shared = [*_sync_daemon(options), *_timeouts(options.get("timeouts"))]
    shared += ["lvs_flush"] if servers and options["flush"] else []
    pools = [file for file in (virtual_server.pool_file(each, options) for each in servers) if file]
    items: Items = [
        f"{HEAD} Scope {options['name']}.",
        *listing("global_defs", shared),
        *vrrp.trackers(options, pools),
        *bfd.instances(options),
        *vrrp.instances(instances, options, pools),
        *virtual_server.check_files(options),
        *(virtual_server.virtual_server(each, options) for each in servers),
        *options.get("lines", ()),
    ]
    return render(items)


def keepalived_sync(options: Options) -> dict[str, t.Any]:
    """What a scope's sync daemons are to be, in the names of ``ipvs_sync_daemon``; empty where it has none.

    ``options`` are those of ``keepalived_scope``. Raises ValueError where there is no instance to follow.
    """
    daemon = options.get("sync_daemon")
    if not daemon:
        return {}
    followed = [each["interface"] for each in _instances(options) if each["name"] == daemon.get("instance")]
    if not followed:
        raise ValueError(f"sync_daemon: there is no instance {daemon.get('instance')!r} for it to follow")
    names = {"id": "sync_id", "max_length": "max_length", "port": "port", "ttl": "ttl", "group": "group"}
    values = {name: daemon[key] for key, name in names.items() if daemon.get(key) not in (None, "")}
    return {"interface": daemon.get("interface") or followed[0], **values}


def _sync_daemon(options: Options) -> list[str]:
    daemon = options.get("sync_daemon")
    if not daemon:
        return []
    words = {"id": "id", "max_length": "maxlen", "port": "port", "ttl": "ttl", "group": "group"}
    where = [keepalived_sync(options)["interface"]]
    # Without an instance, keepalived runs it in both roles.
    where += [] if daemon.get("both") else [daemon["instance"]]
    return [" ".join(["lvs_sync_daemon", *where, *optional(daemon, words)])]


def _instances(options: Options) -> list[Options]:
    """Those that are wanted, each on its interface."""
    return [vrrp.placed(each, options.get("host_interfaces") or ()) for each in wanted(options["instances"])]


def _timeouts(timeouts: Options | None) -> list[str]:
    words = optional(timeouts or {}, {name: name for name in ("tcp", "tcpfin", "udp")})
    return [" ".join(["lvs_timeouts", *words])] if words else []
