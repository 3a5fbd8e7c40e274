# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of an lvs tier before a host is touched. A rule yields findings; ``RULES`` are asked in turn."""

from __future__ import annotations

import typing as t

from ...addresses import Address, networks_known
from ...hosts import Host
from ...model import Finding, Tier
from .. import vips
from . import directors
from .cluster import Cluster
from .service import BLIND_TO_WEIGHT

Findings = t.Iterator[Finding]
# options that mean something in one mode only
MODE_OPTIONS = {
    **dict.fromkeys(("one_armed", "gateway_mode"), "nat"),
    **dict.fromkeys(("tunnel", "tunnel_family", "tunnel_from_anybody", "path_mtu"), "tun"),
}
FTP_PORT = 21  # what ip_vs_ftp looks at, unless it is loaded with others
CHECKSUMS = {"ipip": ("none",), "gre": ("none", "csum"), "gue": ("none", "csum", "remcsum")}


def mode_options(c: Cluster) -> Findings:
    defaults = {field.name: field.default for field in c.tier.__dataclass_fields__.values()}
    for name, mode in MODE_OPTIONS.items():
        if c.tier.mode != mode and getattr(c.tier, name) != defaults[name]:
            yield c.tier.finding("mode-option", f"{name}: is for mode {mode}, not {c.tier.mode}: leave it out")


def service_options(c: Cluster) -> Findings:
    for service in c.tier.services:
        for rule, message in service.problems(marked=bool(c.tier.fwmark)):
            yield c.tier.finding(rule, message)
        for version in (4, 6):
            if service.persistence_mask.of(version) is not None and version not in c.versions:
                text = f"persistence_mask: there is no IPv{version} VIP: give {{ipv4: 24, ipv6: 64}} as needed"
                yield c.tier.finding("persistence", text)


def ports(c: Cluster) -> Findings:
    if not all(service.port or c.listening for service in c.tier.services):
        text = f"port: neither this tier nor {c.behind} says which: set it in either"
        yield c.tier.finding("port-missing", text)
    seen = set()
    for _service, protocol, port, to in c.ports:
        if (protocol, port) in seen:
            yield c.tier.finding("service-twice", f"services: {protocol} {port} is there twice: merge the two")
        seen.add((protocol, port))
        if to is None and c.tier.mode == "nat":
            listening = ", ".join(map(str, c.listening))
            text = f"port: {c.behind} listens on {listening}, not on {port}: say which is meant with server_port"
            yield c.tier.finding("port-mapping", text)
        elif to is None:
            yield c.tier.finding("port-mapping", no_mapping(port, c.behind, c.listening))
        elif to != port and c.tier.mode != "nat":
            text = f"server_port: mode {c.tier.mode} cannot map port {port} to {to}: use mode nat, or one port for both"
            yield c.tier.finding("port-mapping", text)
        elif to != port and c.tier.fwmark:
            text = (
                f"fwmark: a marked group keeps its ports, but {port} is to become {to}: leave out fwmark or the mapping"
            )
            yield c.tier.finding("port-mapping", text)


def fwmark(c: Cluster) -> Findings:
    """Packets of one mark meet one virtual service, so all entries have to agree on it."""
    if c.tier.fwmark and len({_but_for_ports(service) for service in c.tier.services}) > 1:
        text = "fwmark: one mark is one virtual service: its services may differ in protocol and port only"
        yield c.tier.finding("fwmark", text)


def _but_for_ports(service: t.Any) -> tuple[object, ...]:
    return tuple(getattr(service, name) for name in service.__dataclass_fields__ if name not in ("protocol", "port"))


def helpers(c: Cluster) -> Findings:
    """The kernel's FTP helper looks at port 21; a data connection has ports that no policy route or source NAT knows."""
    if "ftp" not in c.tier.helpers:
        return
    if c.tier.mode != "nat":
        text = f"helpers: ftp is for mode nat; with {c.tier.mode} use persistent and port 0, or a fwmark"
        yield c.tier.finding("helper", text)
    elif c.tier.gateway_mode != "default" or c.tier.one_armed:
        text = "helpers: ftp has data connections on any port: set gateway_mode: default, and leave out one_armed"
        yield c.tier.finding("helper", text)
    if not any(protocol == "tcp" and port == FTP_PORT for _service, protocol, port, _to in c.ports):
        yield c.tier.finding("helper", f"helpers: ftp is about tcp port {FTP_PORT}, which this tier does not serve")


def apart_from_director(c: Cluster) -> Findings:
    directors = {host.name for host in c.directors}
    for server in c.servers:
        if server.name in directors:
            text = "is a director and a real server of the same tier: give the two roles to different hosts"
            yield c.tier.finding("director-is-real-server", text, server.name)


def clients_apart(c: Cluster) -> Findings:
    """With DR and TUN a real server serves its own requests to the VIP, and a director's own get no answer."""
    if c.tier.mode == "nat":
        return
    inside = {host.name for host in c.tier.holders(c.stack, c.inventory)}
    for front in c.fronts:
        for host in c.inventory.members(front.hosts):
            if host.name in inside:
                text = f"is in tier {c.tier.name} too: its requests to the VIP would not be balanced: use another host"
                yield front.finding("client-in-tier", text, host.name)


def leaving_vips(c: Cluster) -> Findings:
    yield from vips.leaving(c.tier)


def vip_interface(c: Cluster) -> Findings:
    if not c.tier.by_tunnel:
        yield from vips.in_networks(c.tier, c.tier.vips, c.directors, c.tier.interface, c.tier.vrrp.multicast)


def paths(c: Cluster) -> Findings:
    for director in c.directors:
        for server in c.servers:
            if c.tier.mode != "tun" and not networks_known(director, server):
                yield networks_unknown(c.tier, server if networks_known(director) else director)
            for version in c.versions:
                if c.path(director, server, version) is None:
                    yield _no_path(c, director, server, version)


def _no_path(c: Cluster, director: Host, server: Host, version: int) -> Finding:
    if c.tier.mode == "tun" and c.tier.tunnel_family:
        text = (
            f"tunnel_family: it and {director.name} need an address of {c.tier.tunnel_family} each: add one, or leave"
            " the family to the addresses that there are"
        )
        return c.tier.finding("tun-address", text, server.name)
    if c.tier.mode == "tun":
        text = f"shares no address family with {director.name}: give both an IPv4 or both an IPv6 address"
        return c.tier.finding("tun-address", text, server.name)
    for host in (director, server):
        if not host.own(version):
            text = f"has no IPv{version} address, but the tier such a VIP: add one to its lb_addresses, or use mode tun"
            return c.tier.finding("family", text, host.name)
    if c.tier.mode == "dr":
        return c.tier.finding("dr-segment", not_on_segment(director.name, version), server.name)
    text = f"has no IPv{version} network with {director.name}: its replies must pass the director: use a common network"
    return c.tier.finding("nat-network", text, server.name)


def tunnel_route(c: Cluster) -> Findings:
    if c.tier.mode != "tun":
        return
    for director in c.directors:
        families = {
            path.rip.version
            for version in c.versions
            for _server, path in c.paths(director, version)
            if not path.network and networks_known(director)
        }
        for version in sorted(families):
            if not director.gateways(version):
                text = f"reaches real servers beyond its networks without an IPv{version} lb_gateway: see to a route"
                yield c.tier.finding("tun-route", text, director.name, "warning")


def gateways(c: Cluster) -> Findings:
    if c.tier.mode != "nat":
        forbidden = {one for host in c.directors for version in (4, 6) for one in host.own(version)}
        yield from gateways_apart(c.tier, c.servers, {*forbidden, *c.tier.vips})
    elif c.tier.gateway_mode == "default" and not c.tier.one_armed:
        for director in c.directors:
            for version in c.versions:
                yield from _gateway_is_dip(c, director, version)


def _gateway_is_dip(c: Cluster, director: Host, version: int) -> Findings:
    for server, path in c.paths(director, version):
        way = directors.gateways(c, [path.dip])
        if server.gateways(version) and not any(str(one) in way for one in server.gateways(version)):
            text = f"lb_gateway must be the director's {' or '.join(way)} with gateway_mode: default; or choose replies"
            yield c.tier.finding("nat-gateway", text, server.name)


def gateways_apart(tier: Tier, servers: t.Iterable[Host], forbidden: t.Collection[Address]) -> Findings:
    for server in servers:
        for gateway in server.options.gateway:
            if gateway in forbidden:
                text = f"lb_gateway {gateway} is the balancer, which drops replies that come from a VIP: use a router"
                yield tier.finding("gateway-is-director", text, server.name)


def tunnel(c: Cluster) -> Findings:
    wanted = c.tier.tunnel
    if wanted.type == "gue" and not wanted.port:
        yield c.tier.finding("tunnel", "tunnel: type gue needs a port, the UDP port of the encapsulation, such as 6080")
    if wanted.type != "gue" and wanted.port:
        yield c.tier.finding("tunnel", f"tunnel: port is for type gue, not {wanted.type}: leave it out")
    if wanted.checksum not in CHECKSUMS[wanted.type]:
        allowed = " or ".join(CHECKSUMS[wanted.type])
        yield c.tier.finding("tunnel", f"tunnel: checksum with type {wanted.type} is {allowed}, not {wanted.checksum}")


def tunnel_from_anybody(c: Cluster) -> Findings:
    if c.tier.tunnel_from_anybody:
        text = (
            "tunnel_from_anybody: whoever reaches the real servers can make them answer to forged addresses: let only"
            " the director's tunnel packets through in front of them"
        )
        yield c.tier.finding("tunnel-open", text, severity="warning")


def all_ports_by_nat(c: Cluster) -> Findings:
    """The policy route on the real servers knows replies by their source port."""
    by_port = c.tier.mode == "nat" and c.tier.gateway_mode == "replies" and not c.tier.one_armed
    if by_port and any(port.port == 0 for port in c.ports):
        yield c.tier.finding("port-zero", "port: 0 (all ports) in mode nat needs gateway_mode: default, or one_armed")


def conntrack(c: Cluster) -> Findings:
    if c.tier.one_armed and c.tier.conntrack is False:
        yield c.tier.finding("conntrack", "conntrack: one_armed needs it, as source NAT is done by connection tracking")
    if "net.ipv4.vs.conntrack" in dict(c.tier.sysctls):
        yield c.tier.finding("conntrack", "sysctls: net.ipv4.vs.conntrack is set by the option conntrack")


def weights(c: Cluster) -> Findings:
    given = {one.weight for host in c.directors for version in c.versions for one in c.targets(host, version)}
    if given == {0}:
        text = f"every host of {c.behind} has lb_weight 0: connections will be refused"
        yield c.tier.finding("weights", text, severity="warning")
    for host in c.directors if c.by_keepalived else ():
        for version in c.versions:
            most = sum(one.weight for one in c.targets(host, version))
            if 0 < most < c.tier.pool.quorum:
                text = f"pool.quorum: {c.tier.pool.quorum} is above {most}, the weights of all real servers together"
                yield c.tier.finding("weights", f"{text}: too little is alive at all times", host.name, "warning")
    blind = sorted({service.scheduler for service in c.tier.services} & set(BLIND_TO_WEIGHT))
    if len(given - {0}) > 1 and blind:
        text = f"scheduler: {', '.join(blind)} pays no heed to weights, but the real servers' differ: take wrr or wlc"
        yield c.tier.finding("weights", text, severity="warning")


RULES: tuple[t.Callable[[Cluster], Findings], ...] = (
    directors.moving_vips,
    directors.checked_vips,
    directors.sorry_servers,
    mode_options,
    service_options,
    ports,
    fwmark,
    helpers,
    apart_from_director,
    clients_apart,
    leaving_vips,
    vip_interface,
    paths,
    tunnel_route,
    gateways,
    tunnel,
    tunnel_from_anybody,
    all_ports_by_nat,
    conntrack,
    weights,
)


def no_mapping(port: int, backend: str, listening: t.Iterable[int]) -> str:
    ports = ", ".join(map(str, listening))
    return f"port: {backend} listens on {ports}, not on {port}; only mode nat maps ports: use one for both"


def not_on_segment(director: str, version: int) -> str:
    return (
        f"shares no IPv{version} network with {director}; dr changes only MAC addresses: use a common one, or mode tun"
    )


def networks_unknown(tier: Tier, host: Host) -> Finding:
    text = (
        "has no lb_addresses, so its networks are not known and what depends on them was not checked: set lb_addresses"
    )
    return tier.finding("networks-unknown", text, host.name, "warning")
