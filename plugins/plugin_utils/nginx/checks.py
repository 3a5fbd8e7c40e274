# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checker on the host is told: which servers to ask, how, and which files say so to nginx."""

from __future__ import annotations

import json
import re
import typing as t

from ..addresses import before_port
from . import pools, redirects, upstreams
from .values import Context, Options

ENCRYPTED = ("https", "grpcs")
PROGRAM = "/usr/local/lib/mixed_lb/checker"


def checks(context: Context, found: t.Iterable[tuple[pools.Pool, Options, Options]], generation: str) -> str:
    """The checker's file. ``found``: each pool with its check and the upstream or redirect that it is of."""
    # Ansible below 2.19 takes a text that begins with a brace for data, hence the line before it.
    return (
        "\n"
        + json.dumps(
            {
                "generation": generation,
                "reload": ["systemctl", "reload", "nginx.service"],
                "status": status_file(context.scope),
                "pools": [_pool(pool, check, it, context) for pool, check, it in found],
            },
            indent=1,
        )
        + "\n"
    )


def unit_name(scope: str) -> str:
    """The unit that runs the checker of a scope."""
    return f"mixed-lb-checker-{scope}.service"


def status_file(scope: str) -> str:
    """Where the checker says what it knows."""
    return f"/run/mixed-lb-checker-{scope}/status.json"


def _pool(pool: pools.Pool, check: Options, it: Options, context: Context) -> dict[str, t.Any]:
    interval, timeout = (float(check.get(name) or context.options[f"check_{name}"]) for name in ("interval", "timeout"))
    if timeout <= 0 or interval <= 0:
        raise ValueError(f"{pool.name}: interval and timeout of its check must be above 0")
    if pool.form == "split":
        asked = [_target(each) for each in redirects.targets(it)]
    else:
        kind = "https" if it.get("protocol") in ENCRYPTED else "http"
        if pool.name.startswith("stream/") and not check.get("path"):
            kind = "tcp"
        asked = [
            {"type": kind, "address": server.host, "port": server.port, "host": _authority(server.host, server.port)}
            for server in upstreams.servers(it, pool.name)
        ]
    return {
        **{name: getattr(pool, name) for name in ("name", "file", "form", "head", "rise", "fall", "min_up")},
        "interval": interval,
        "timeout": timeout,
        "servers": [
            {**server._asdict(), "check": _check(check, one, pool.name)}
            for server, one in zip(pool.servers, asked, strict=True)
        ],
    }


def _target(target: redirects.Target) -> dict[str, t.Any]:
    return {
        "type": target.scheme,
        "address": target.it.get("address") or target.name,
        "port": target.port,
        "host": target.host,
    }


def _authority(host: str, port: int | None) -> str:
    return "localhost" if port is None else f"{before_port(host)}:{port}"


def _check(check: Options, asked: Options, where: str) -> dict[str, t.Any]:
    found = {**asked, **{name: check[name] for name in ("type", "address", "port", "host") if check.get(name)}}
    if found["type"] == "tcp":
        return {name: found[name] for name in ("type", "address", "port")}
    path = check.get("path") or "/"
    if not re.fullmatch(r"/[!-~]*", path) or not re.fullmatch(r"[!-~]+", found["host"]):
        raise ValueError(f"{where}: the path {path!r} and the host {found['host']!r} of its check must be as in a URL")
    return {
        **found,
        "path": path,
        "method": check.get("method") or "GET",
        "status": [_range(each, where) for each in check.get("status") or ("200-399",)],
        "expects": _expression(check.get("expects") or "", where),
        "verify": bool(check.get("verify")),
    }


def _range(text: t.Any, where: str) -> list[int]:
    found = re.fullmatch(r"([1-5]\d\d)(?:-([1-5]\d\d))?", str(text))
    if not found:
        raise ValueError(f"{where}: the status {text!r} of its check must be a number or a range, as in 200-299")
    return [int(found[1]), int(found[2] or found[1])]


def _expression(text: str, where: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{where}: {text!r} of its check is no regular expression: {error}") from error
    return text


def unit(scope: str) -> str:
    """The checker's unit. It reloads nginx, for which it must be root, but has none of root's powers; what talks to servers is
    a child that is nobody."""
    return f"""# Written by mixed_lb.stack, role nginx_lb. Changes made here are lost.
[Unit]
Description=Checks of the servers behind nginx, scope {scope}
After=network.target nginx.service

[Service]
ExecStart=/usr/bin/python3 -IB {PROGRAM}/{scope}/checker.py /etc/mixed_lb/checker/{scope}.json
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
RuntimeDirectory=mixed-lb-checker-{scope}
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=CAP_SETUID CAP_SETGID
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={upstreams.FOLDER}/{scope}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0022

[Install]
WantedBy=multi-user.target
"""
