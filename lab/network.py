# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges, taps and light hosts inside the lab's own network namespace; as shell lines, run in one go."""

from __future__ import annotations

import ipaddress

from .machine import Machine
from .topology import MANAGEMENT, MANAGEMENT_NETWORK, Host, Topology


def build(topology: Topology, machines: list[Machine]) -> str:
    """The script that makes every network of the lab."""
    lines = []
    networks = [*topology.networks, *([MANAGEMENT] if topology.management else [])]
    for network in networks:
        # No forwarding delay and no snooping: a bridge here is a plain cable between the hosts.
        lines.append(f"ip link add {network} type bridge forward_delay 0 mcast_snooping 0")
        lines.append(f"sysctl -qw net.ipv6.conf.{network}.disable_ipv6=1")
        lines.append(f"ip link set {network} up")
    if topology.management:
        lines.append(f"ip address add {MANAGEMENT_NETWORK[1]}/{MANAGEMENT_NETWORK.prefixlen} dev {MANAGEMENT}")
    for machine in machines:
        for tap, network in machine.taps().items():
            lines.append(f"ip tuntap add {tap} mode tap")
            lines.append(plug(tap, network))
            lines.append(f"ip link set {tap} up")
    for host in topology.hosts:
        if host.namespace:
            lines += _namespace(host)
    if not topology.management:
        lines += _ssh_client(topology)
    return "\n".join(lines)


def plug(port: str, network: str) -> str:
    return f"ip link set {port} master {network}"


def unplug(port: str) -> str:
    return f"ip link set {port} nomaster"


def port(host: Host, index: int) -> str:
    """The name of the bridge port behind the host's data network card ``index``."""
    return f"{host.name}.{index}"


def _namespace(host: Host) -> list[str]:
    inside = f"ip -n {host.name}"
    sysctl = f"ip netns exec {host.name} sysctl -qw"
    lines = [f"ip netns add {host.name}", f"{inside} link set lo up"]
    if host.forward:
        lines.append(f"{sysctl} net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    for index, nic in enumerate(host.nics):
        lines.append(f"ip link add {port(host, index)} type veth peer name eth{index} netns {host.name}")
        lines.append(f"{plug(port(host, index), nic.network)}; ip link set {port(host, index)} up")
        # Offload would show captures packets that no cable carries.
        lines.append(
            f"ip netns exec {host.name} ethtool -K eth{index} tso off gso off gro off tx off >/dev/null || true"
        )
        lines.append(f"{sysctl} net.ipv6.conf.eth{index}.accept_dad=0 net.ipv6.conf.eth{index}.accept_ra=0")
        lines.append(f"{inside} link set eth{index} up")
        lines += [f"{inside} address add {address} dev eth{index}" for address in nic.addresses]
    for gateway in host.gateways:
        lines.append(f"{inside} {'-6 ' if ':' in gateway else ''}route add default via {gateway}")
    return lines


def _ssh_client(topology: Topology) -> list[str]:
    # ssh comes by the hosts' own network: from the last address of each, on the bridge itself.
    lines = []
    for network in topology.networks:
        addresses = [
            nic.addresses[0] for host in topology.hosts for nic in host.nics if nic.network == network and nic.addresses
        ]
        if addresses:
            subnet = ipaddress.ip_interface(addresses[0]).network
            lines.append(f"ip address add {subnet[-2]}/{subnet.prefixlen} dev {network}")
    return lines
