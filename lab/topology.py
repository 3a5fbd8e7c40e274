# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab consists of: networks, hosts, addresses. Pure: reads a mapping, touches nothing."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

RELEASES = ("bookworm", "trixie")
KERNELS = ("fast", "filter")
IMAGES = ("bare", "ready")
MANAGERS = ("networkd", "ifupdown")
NAME = re.compile(r"[a-z][a-z0-9-]{0,10}")
MANAGEMENT = "mgmt"
MANAGEMENT_NETWORK = ipaddress.IPv4Network("198.18.0.0/24")


class TopologyError(Exception):
    """The topology file says something that cannot be built; the message names the place."""


@dataclasses.dataclass(frozen=True)
class Nic:
    """One network card: the network it is plugged into and its addresses in CIDR form."""

    network: str
    addresses: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Host:
    """A host: a kernel of its own, or (``namespace``) a light one for clients and routers on the lab's own kernel."""

    name: str
    nics: tuple[Nic, ...]
    gateways: tuple[str, ...] = ()
    namespace: bool = False
    forward: bool = False
    release: str = "bookworm"
    kernel: str = "fast"
    image: str = "ready"
    network_manager: str = "networkd"
    memory: int = 128
    app: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Topology:
    """All of a lab: network names and hosts, in the file's order."""

    networks: tuple[str, ...]
    hosts: tuple[Host, ...]
    management: bool = True

    def host(self, name: str) -> Host:
        """The host of that name; ``TopologyError`` names those that exist."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise TopologyError(f"no host {name} in this lab; there are {', '.join(h.name for h in self.hosts)}")

    def machines(self) -> tuple[Host, ...]:
        """The hosts with a kernel of their own."""
        return tuple(host for host in self.hosts if not host.namespace)

    def ssh_address(self, name: str, source: str | None = None) -> str:
        """Where ssh finds that host: on the management network if there is one; from the light host ``source`` on a data network.

        There it is a network that both are plugged into, or else the host's first.
        """
        if source is None and self.management:
            index = [host.name for host in self.machines()].index(name)
            return str(MANAGEMENT_NETWORK[index + 10])
        near = {nic.network for nic in self.host(source).nics} if source else set()
        nic = min(self.host(name).nics, key=lambda nic: nic.network not in near)
        return nic.addresses[0].partition("/")[0]


def load(data: t.Any) -> Topology:
    """The topology that a parsed YAML file describes; raises ``TopologyError``."""
    if not isinstance(data, dict):
        raise TopologyError("a topology is a mapping with the keys networks and hosts")
    _only(data, {"networks", "hosts", "management"}, "the topology")
    networks = tuple(data.get("networks") or ())
    hosts = tuple(_host(name, entry, networks) for name, entry in (data.get("hosts") or {}).items())
    if not networks or not hosts:
        raise TopologyError("a topology needs at least one network and one host")
    return Topology(networks=networks, hosts=hosts, management=bool(data.get("management", True)))


def _only(entry: dict[str, t.Any], known: set[str], where: str) -> None:
    unknown = sorted(set(entry) - known)
    if unknown:
        raise TopologyError(f"{where}: unknown key {unknown[0]}; known are {', '.join(sorted(known))}")


def _host(name: str, entry: dict[str, t.Any], networks: tuple[str, ...]) -> Host:
    where = f"host {name}"
    if not NAME.fullmatch(name):
        raise TopologyError(f"{where}: a name has at most 11 small letters, digits and dashes")
    _only(entry, {field.name for field in dataclasses.fields(Host)} - {"name"}, where)
    values = dict(entry)
    values["nics"] = tuple(_nic(nic, networks, where) for nic in entry.get("nics") or ())
    values["gateways"] = tuple(str(ipaddress.ip_address(gateway)) for gateway in entry.get("gateways") or ())
    values["app"] = tuple(entry.get("app") or ())
    for key, allowed in (("release", RELEASES), ("kernel", KERNELS), ("image", IMAGES), ("network_manager", MANAGERS)):
        if values.get(key, allowed[0]) not in allowed:
            raise TopologyError(f"{where}: {key} is one of {', '.join(allowed)}, not {values[key]}")
    if not values["nics"]:
        raise TopologyError(f"{where}: needs at least one entry in nics")
    return Host(name=name, **values)


def _nic(entry: dict[str, t.Any], networks: tuple[str, ...], where: str) -> Nic:
    _only(entry, {"network", "addresses"}, f"{where}, nics")
    if entry.get("network") not in networks:
        raise TopologyError(f"{where}: network {entry.get('network')} is not one of {', '.join(networks)}")
    try:
        addresses = tuple(str(ipaddress.ip_interface(address)) for address in entry.get("addresses") or ())
    except ValueError as error:
        raise TopologyError(f"{where}: {error}") from error
    return Nic(network=entry["network"], addresses=addresses)
