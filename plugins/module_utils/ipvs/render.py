# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model to text: ``ipvsadm`` arguments, rules for ``ipvsadm -R``, module results, boot units."""

from __future__ import annotations

import ipaddress
import typing as t

from .model import Destination, Service, ServiceKey, Table, endpoint

SERVICE_SWITCH = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}
FORWARD_SWITCH = {"dr": "-g", "nat": "-m", "tun": "-i"}
CHECKSUM_SWITCH = {"none": "--tun-nocsum", "csum": "--tun-csum", "remcsum": "--tun-remcsum"}


def key_arguments(key: ServiceKey) -> list[str]:
    if key.fwmark:
        # -6 resets the mask, so it has to come before -M: hence right here.
        return ["-f", str(key.fwmark), *(["-6"] if key.family == "ipv6" else [])]
    return [SERVICE_SWITCH[key.protocol], endpoint(key.address, key.port)]


def service_arguments(service: Service) -> list[str]:
    """Everything ``-A`` and ``-E`` need. Always the full record, as ``-E`` resets what is left out."""
    words = [*key_arguments(service.key), "-s", service.scheduler]
    if service.persistent:
        words += ["-p", str(service.persistent)]
        if service.persistence_mask != service.key.full_mask:
            words += ["-M", mask_text(service.key, service.persistence_mask)]
    if service.persistence_engine:
        words += ["--pe", service.persistence_engine]
    if service.one_packet:
        words += ["-o"]
    if service.scheduler_flags:
        words += ["-b", ",".join(service.scheduler_flags)]
    return words


def destination_arguments(key: ServiceKey, destination: Destination) -> list[str]:
    """Everything ``-a`` and ``-e`` need. Always the full record, as ``-e`` resets what is left out."""
    words = [*destination_key_arguments(key, destination), FORWARD_SWITCH[destination.forward]]
    words += ["-w", str(destination.weight)]
    if destination.upper_threshold:
        words += ["-x", str(destination.upper_threshold)]
    if destination.lower_threshold:
        words += ["-y", str(destination.lower_threshold)]
    if destination.forward == "tun":
        tunnel = destination.tunnel
        words += ["--tun-type", tunnel.type]
        words += ["--tun-port", str(tunnel.port)] if tunnel.type == "gue" else []
        words += [CHECKSUM_SWITCH[tunnel.checksum]] if tunnel.type != "ipip" else []
    return words


def destination_key_arguments(key: ServiceKey, destination: Destination) -> list[str]:
    return [*key_arguments(key), "-r", str(destination)]


def mask_text(key: ServiceKey, prefix: int) -> str:
    """A persistence mask as ``-M`` wants it: dotted for IPv4, a prefix length for IPv6."""
    return str(ipaddress.IPv4Network(f"0.0.0.0/{prefix}").netmask) if key.family == "ipv4" else str(prefix)


def rules(table: Table) -> str:
    """The table for ``ipvsadm -R``: unlike ``ipvsadm -Sn`` with thresholds. No comments, as -R knows none."""
    lines = []
    for key in sorted(table):
        lines.append(" ".join(["-A", *service_arguments(table[key])]))
        lines += [" ".join(["-a", *destination_arguments(key, found)]) for found in table[key].destinations]
    return "".join(line + "\n" for line in lines)


def as_options(table: Table) -> list[dict[str, t.Any]]:
    """The table in the schema of the modules' ``services`` option."""
    return [service_options(table[key]) for key in sorted(table)]


def service_options(service: Service) -> dict[str, t.Any]:
    """What is not set is left out, since a module takes no ``None`` for an option with choices."""
    key = service.key
    if key.fwmark:
        options: dict[str, t.Any] = {"fwmark": key.fwmark, "family": key.family}
    else:
        options = {"protocol": key.protocol, "address": key.address, "port": key.port}
    options["scheduler"] = service.scheduler
    options["scheduler_flags"] = list(service.scheduler_flags)
    options["persistent"] = service.persistent
    if service.persistent:
        options["persistence_mask"] = service.persistence_mask
    if service.persistence_engine:
        options["persistence_engine"] = service.persistence_engine
    options["one_packet"] = service.one_packet
    options["destinations"] = [destination_options(found) for found in service.destinations]
    return options


def destination_options(destination: Destination) -> dict[str, t.Any]:
    """Only a ``tun`` destination has ``tunnel``, and only a gue tunnel has ``port``."""
    options: dict[str, t.Any] = {
        "address": destination.address,
        "port": destination.port,
        "forward": destination.forward,
        "weight": destination.weight,
        "upper_threshold": destination.upper_threshold,
        "lower_threshold": destination.lower_threshold,
    }
    if destination.forward == "tun":
        tunnel = destination.tunnel
        port = {"port": tunnel.port} if tunnel.port else {}
        options["tunnel"] = {"type": tunnel.type, **port, "checksum": tunnel.checksum}
    return options


def boot_unit(description: str, start: str, *, rules_file: str | None = None, online: bool = False) -> str:
    """A oneshot unit that runs ``start`` at boot, reading ``rules_file`` where one is given.

    It runs before any network is up, so that no packet meets a director without its table; ``online`` is for
    what needs a working interface instead. There is no ExecStop=: the unit goes without touching what is live.
    """
    condition = f"ConditionPathExists={rules_file}\n" if rules_file else ""
    source = f"StandardInput=file:{rules_file}\n" if rules_file else ""
    # Default dependencies would order it after sysinit.target, and cloud-init puts the network before that: a cycle.
    early = (
        "DefaultDependencies=no\n"
        "Conflicts=shutdown.target\n"
        "After=local-fs.target systemd-modules-load.service systemd-sysctl.service\n"
        "Before=network-pre.target shutdown.target\n"
        "Wants=network-pre.target\n"
    )
    late = "After=network-online.target\nWants=network-online.target\n"
    retry = "Restart=on-failure\nRestartSec=5\n" if online else ""
    return (
        f"[Unit]\nDescription={description} (mixed_lb.stack)\n{condition}{late if online else early}\n"
        f"[Service]\nType=oneshot\nRemainAfterExit=yes\n{source}ExecStart={start}\n{retry}\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
