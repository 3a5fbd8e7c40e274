# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an lvs tier to the input of the roles ``lvs_dr``, ``lvs_nat`` and ``lvs_tun``, host by host.

A part has all its keys always; each becomes the role's variable with the role's name before it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ...addresses import Address, Path
from ...hosts import Host
from ...model import Opening, Part, Step, Tier
from . import cascade, directors, table
from .cluster import Cluster, Port

if t.TYPE_CHECKING:
    from . import Lvs

Openings = t.Mapping[str, tuple[Opening, ...]]

CONNTRACK = "net.ipv4.vs.conntrack"


def steps(c: Cluster) -> t.Iterator[Step]:
    """Real servers first, then the director that sends to them."""
    if c.tier.mode == "dr":
        openings = {server.name: tuple(_at_vips(c)) for server in c.servers}
        yield dr_real_servers(c.tier, c.tier.vips, c.servers, c.dips(), openings, cascade.segment_sizes(c))
    else:
        make = _nat_real_server if c.tier.mode == "nat" else _tun_real_server
        dips = c.dips()
        parts = {server.name: make(c, server, dips) for server in c.servers}
        openings = {server.name: _let_in(c, server) for server in c.servers}
        about = (
            _nat_about(c)
            if c.tier.mode == "nat"
            else _holding_vips(c.tier.vips, dips, f"{c.tier.tunnel.type} tunnels from")
        )
        yield _step(c.tier, "real_server", "real servers", c.tier.mode, parts, about, openings)
    parts = {director.name: _director(c, director) for director in c.directors}
    openings = {director.name: tuple(_at_vips(c)) for director in c.directors}
    yield _step(c.tier, "director", "director", c.tier.mode, parts, _director_about(c), openings)
    if c.by_keepalived:
        yield directors.step(c, lambda director: parts[director.name]["services"], _timeouts(c))


def dr_real_servers(
    tier: Tier,
    vips: t.Iterable[Address],
    servers: t.Iterable[Host],
    senders: t.Iterable[object],
    openings: Openings,
    segments: t.Mapping[str, int],
) -> Step:
    """The real servers of direct routing, whoever the director is (an ``external`` box too).

    ``segments``: by family, the bytes that a client may send at once; empty where no tunnel is on the way.
    """
    vips, dips = list(vips), [str(one) for one in senders]
    parts = {
        server.name: {
            **_common(tier, server),
            "vips": [str(vip) for vip in vips],
            "directors": list(dips),
            "segment_sizes": dict(segments),
        }
        for server in servers
    }
    about = _holding_vips(vips, dips, "requests from")
    return _step(tier, "real_server", "real servers", "dr", parts, about, openings)


def _step(
    tier: Tier, part: str, words: str, mode: str, parts: dict[str, Part], about: t.Iterable[str], openings: Openings
) -> Step:
    if tier.state == "absent":
        openings = {}
    going = ["taken back: all that this tier laid down"] if tier.state == "absent" else about
    return Step(f"{tier.name}: {words} ({mode})", tier.name, part, f"lvs_{mode}", parts, tuple(going), openings)


def _at_vips(c: Cluster) -> t.Iterator[Opening]:
    """The services, for everybody."""
    ports: dict[str, list[int]] = {}
    for one in c.ports:
        ports.setdefault(one.protocol, []).append(one.port)
    for protocol, numbers in ports.items():
        # port 0 is all of them
        yield Opening(protocol, () if 0 in numbers else tuple(numbers), (), tuple(map(str, c.tier.vips)))


def _let_in(c: Cluster, server: Host) -> tuple[Opening, ...]:
    """What a real server of NAT or TUN lets in."""
    if c.tier.mode == "tun":
        wrapped: dict[Opening, None] = {}
        for director in c.directors:
            for version in c.versions:
                path = c.path(director, server, version)
                if path:
                    ends = () if c.tier.tunnel_from_anybody else (str(path.dip),), (str(path.rip),)
                    wrapped[Opening(*_outside(c, version), *ends)] = None
        return (*wrapped, *_at_vips(c))
    rips = tuple(map(str, c.answers_from(server)))
    ports = dict.fromkeys((one.protocol, one.to) for one in c.ports)
    return tuple(Opening(protocol, (port,) if port else (), (), rips) for protocol, port in ports)


def _outside(c: Cluster, version: int) -> tuple[str, tuple[int, ...]]:
    """Protocol and ports of the packet that wraps those of a VIP of this family."""
    if c.tier.tunnel.type == "gue":
        return "udp", (c.tier.tunnel.port,)
    if c.tier.tunnel.type == "gre":
        return "gre", ()
    # it names what is inside
    return ("ipv6" if version == 6 else "ipencap"), ()


def _common(tier: Tier, host: Host, interface: str = "") -> Part:
    return {"name": tier.name, "state": tier.state, "interface": interface or host.options.interface}


def _nat_real_server(c: Cluster, server: Host, _dips: list[str]) -> Part:
    # one-armed: source NAT brings the replies back to the director, the server's routes are none of our business
    gateways = [] if c.tier.one_armed else directors.gateways(c, (path.dip for path in _paths_to(c, server)))
    return {
        **_common(c.tier, server),
        "gateways": gateways,
        "gateway_mode": c.tier.gateway_mode,
        "services": [
            {"address": str(address), "protocol": protocol, "port": port}
            for address in c.answers_from(server)
            for protocol, port in dict.fromkeys((one.protocol, one.to) for one in c.ports)
        ],
    }


def _tun_real_server(c: Cluster, server: Host, _dips: list[str]) -> Part:
    ends = dict.fromkeys((str(path.rip), str(path.dip)) for path in _paths_to(c, server))
    return {
        **_common(c.tier, server),
        "vips": [str(vip) for vip in c.tier.vips],
        "directors": list(dict.fromkeys(dip for _rip, dip in ends)),
        "tunnels": [{"local": rip, "remote": dip} for rip, dip in ends],
        "tunnel": dataclasses.asdict(c.tier.tunnel),
        "tunnel_from_anybody": c.tier.tunnel_from_anybody,
        # a director's own replies are none: those behind it are told how much fits
        "path_mtu": 0 if cascade.is_director(c, server) else c.tier.path_mtu,
    }


def _paths_to(c: Cluster, server: Host) -> list[Path]:
    found = (c.path(director, server, version) for director in c.directors for version in c.versions)
    return [path for path in found if path]


def _director(c: Cluster, director: Host) -> Part:
    tier = c.tier
    part = {
        **_common(tier, director, tier.interface),
        "vips": [str(vip) for vip in tier.vips],
        "owner": "keepalived" if c.by_keepalived else "ipvs_table",
        "services": table.marked_services(c, director) if tier.fwmark else table.services(c, director),
        "marks": table.marks(c) if tier.fwmark else [],
        "timeouts": _timeouts(c),
        "conn_tab_bits": tier.conn_tab_bits,
        "sysctls": _sysctls(tier),
        "keep_weights": tier.keep_weights,
        "drain_timeout": tier.drain_timeout,
        "helpers": list(
            dict.fromkeys((*tier.helpers, *filter(None, (one.persistence_engine for one in tier.services))))
        ),
    }
    if tier.mode == "dr":
        # else the VIPs come with the tunnels, which are for who is a real server of the tier in front
        part["hold_vips"] = not tier.by_tunnel
    if tier.mode == "nat":
        part["source_nat"] = table.source_nat(c, director) if tier.one_armed else []
    return part


def _timeouts(c: Cluster) -> Part:
    """A tier that goes leaves the kernel's timeouts to those that stay, where they have a wish."""
    left = c.tier.state == "absent" and any(any(dataclasses.astuple(one.timeouts)) for one in c.beside)
    return {} if left else {name: value for name, value in dataclasses.asdict(c.tier.timeouts).items() if value}


def _sysctls(tier: Lvs) -> Part:
    """What the tier wants beside the role's own; the mode's conntrack is among those, so only another one is said."""
    return dict(tier.sysctls) if tier.conntrack is None else {**dict(tier.sysctls), CONNTRACK: int(tier.conntrack)}


def _holding_vips(vips: t.Iterable[Address], directors: t.Iterable[str], words: str) -> list[str]:
    return [f"hold {', '.join(map(str, vips))} without answering for them; {words} {', '.join(directors)}"]


def _nat_about(c: Cluster) -> list[str]:
    if c.tier.one_armed:
        return ["left as they are: the director's source NAT brings their replies back"]
    what = (
        "all traffic"
        if c.tier.gateway_mode == "default"
        else f"replies from {_ports([p._replace(port=p.to or 0) for p in c.ports])}"
    )
    return [f"{what} by way of {', '.join(c.dips())}"]


def _director_about(c: Cluster) -> list[str]:
    service = c.tier.services[0]
    lines = [f"answers on {', '.join(map(str, c.tier.vips))}: {_ports(c.ports)}, scheduler {service.scheduler}"]
    found: dict[tuple[str, int], dict[str, None]] = {}
    for one in (one for host in c.directors for version in c.versions for one in c.targets(host, version)):
        found.setdefault((one.name, one.weight), {})[str(one.address)] = None
    return [
        *lines,
        *(f"-> {name} {', '.join(addresses)}, weight {weight}" for (name, weight), addresses in found.items()),
    ]


def _ports(ports: t.Iterable[Port]) -> str:
    return ", ".join(f"{one.protocol} {one.port or 'all ports'}" for one in ports)
