# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VRRP: what holds the VIPs of a scope, and what makes it let go of them."""

from __future__ import annotations

import typing as t

from ..blocks import Block, listing, optional, wanted
from ..lvs.places import interface_for
from . import units
from .programs import USER, command_line, event_lines

Options = t.Mapping[str, t.Any]

EVENTS = ("notify_master", "notify_backup", "notify_fault", "notify_stop", "notify")
SCRIPT = {name: name for name in ("interval", "timeout", "rise", "fall", "weight")}
PROCESS = {name: name for name in ("quorum", "delay", "weight")}


def trackers(options: Options, pools: t.Iterable[Options]) -> list[Block]:
    """Files, processes and scripts that are watched. The first is the switch for maintenance, ``pools`` tell of empty ones."""
    scope = options["name"]
    own = [
        {"name": "maintenance", "path": options["maintenance_file"]},
        *({"name": units.label(unit), "path": units.state_file(scope, unit)} for unit in options.get("units") or ()),
    ]
    return [
        *(
            Block(
                f"track_file {scope}_{each['name']}",
                [f"file {each['path']}", *optional(each, {"init": "init_file"})],
            )
            for each in (*own, *({**pool, "init": "0"} for pool in pools), *wanted(options.get("files")))
        ),
        *(
            Block(
                f"vrrp_track_process {scope}_{each['name']}",
                [f"process {each.get('process') or each['name']}", *optional(each, PROCESS)],
            )
            for each in wanted(options.get("processes"))
        ),
        *(
            Block(
                f"vrrp_script {scope}_{each['name']}",
                [
                    f'script "{command_line(each["command"], each.get("user"), options)}"',
                    *optional(each, SCRIPT),
                    f"user {USER}",
                ],
            )
            for each in wanted(options.get("scripts"))
        ),
    ]


def placed(it: Options, interfaces: t.Iterable[Options]) -> Options:
    """The instance with its interface: the one that has the source address, where none is named.

    VIPs of a network on another interface go there: keepalived itself would put all of them on the instance's.
    """
    if it.get("interface"):
        return it
    source, interfaces = it.get("source"), list(interfaces)
    for own in interfaces:
        if source and any(address.split("/")[0] == source for address in own["addresses"]):
            vips = [_at_home(each, [own, *interfaces]) for each in it.get("addresses") or ()]
            return {**it, "interface": own["name"], "addresses": vips}
    raise ValueError(
        f"instance {it['name']}: no interface of this host has the address {source or '(no source is given)'}:"
        " name the interface, or the right source"
    )


def _at_home(vip: str, interfaces: t.Sequence[Options]) -> str:
    """A VIP with its device, where its network is not on the first of the interfaces."""
    address, *words = vip.split()
    own = interfaces[0]["name"]
    try:
        home = interface_for(interfaces, address.split("/")[0])
    except ValueError:
        home = own
    return vip if "dev" in words or home == own else f"{vip} dev {home}"


def instances(found: t.Sequence[Options], options: Options, pools: t.Iterable[Options]) -> list[Block]:
    """The instances of a scope, which move together: both families, and both sides of a NAT director."""
    watched = _watched(options, pools)
    if len(found) < 2:
        return [_instance(each, options, watched) for each in found]
    # What is watched is a matter of the group, which would not hear of it from an instance. One alone is no group to keepalived.
    group = Block(f"vrrp_sync_group {options['name']}", [Block("group", [each["name"] for each in found]), *watched])
    return [*(_instance(each, options, ()) for each in found), group]


def _instance(it: Options, options: Options, watched: t.Sequence[Block]) -> Block:
    """One ``vrrp_instance``: all start as backup, so that none takes a VIP from a holder just because it has started."""
    peers = it.get("peers") or []
    return Block(
        f"vrrp_instance {it['name']}",
        [
            "state BACKUP",
            f"interface {it['interface']}",
            f"virtual_router_id {it['virtual_router_id']}",
            f"priority {it['priority']}",
            f"advert_int {it.get('advert_interval') or options['advert_interval']}",
            f"down_timer_adverts {it.get('missed_adverts') or options['missed_adverts']}",
            f"preempt_delay {it.get('preempt_delay') or 0}" if it.get("preempt") else "nopreempt",
            *([f"unicast_src_ip {it['source']}", "check_unicast_src"] if peers else []),
            *listing("unicast_peer", peers),
            *listing("virtual_ipaddress", it["addresses"][:1]),
            # Not in the adverts: a peer that has another number of them drops those, so a pair to which a VIP is added
            # would have two holders from the change of its first host to that of its last.
            *listing("virtual_ipaddress_excluded", it["addresses"][1:]),
            *listing("track_interface", it.get("track_interfaces") or ()),
            *event_lines(it, EVENTS, options),
            *watched,
            *it.get("lines", ()),
        ],
    )


def _watched(options: Options, pools: t.Iterable[Options]) -> list[Block]:
    """What takes the VIPs away, or priority."""
    scope = options["name"]
    # Weight 0: whatever is not 0 in the file is a fault, and the VIPs go.
    files = [f"{scope}_maintenance weight 0"]
    files += [f"{scope}_{units.label(unit)} weight 0" for unit in options.get("units") or ()]
    # Of two holders that meet, the one that was cut off from its real servers is to give up.
    files += [f"{scope}_{each['name']} weight -{options['empty_pool_priority']}" for each in pools]
    files += [f"{scope}_{each['name']} weight {each.get('weight') or 0}" for each in wanted(options.get("files"))]
    return [
        Block("track_file", files),
        *listing("track_process", [f"{scope}_{each['name']}" for each in wanted(options.get("processes"))]),
        *listing("track_script", [f"{scope}_{each['name']}" for each in wanted(options.get("scripts"))]),
    ]
