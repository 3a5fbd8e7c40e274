# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of statistics and the endpoint for Prometheus, behind a password or on a local address."""

from __future__ import annotations

import ipaddress

from ..blocks import wanted
from .servers import endpoint
from .text import Options, Section, name, quote


def sections(options: Options) -> list[Section]:
    """The frontend of a scope's statistics, or nothing."""
    stats = options.get("stats") or {}
    if not stats:
        return []
    scope = options["name"]
    binds = wanted(stats.get("binds"))
    users, allowed = stats.get("users"), stats.get("allow")
    if not binds:
        raise ValueError("stats: binds: without an address to listen on nobody reaches them")
    open_ = [each["address"] for each in binds if not _local(str(each["address"]))]
    if open_ and not users and not allowed:
        raise ValueError(
            f"stats: everybody who reaches {', '.join(open_)} could read them:"
            f" give users, or allow, or listen on 127.0.0.1 only"
        )
    body = [
        "mode http",
        *(f"bind {endpoint(each['address'], each.get('port'))}" for each in binds),
        "option dontlog-normal",
        *([f"http-request deny unless {{ src {' '.join(allowed)} }}"] if allowed else []),
        # a scrape too needs the password, where there is one
        *([f"http-request auth realm {scope} unless {{ http_auth({_list(scope)}) }}"] if users else []),
    ]
    prometheus = stats.get("prometheus", "/metrics")
    if prometheus:
        body.append(f"http-request use-service prometheus-exporter if {{ path {prometheus} }}")
    body += [
        "stats enable",
        f"stats uri {stats.get('path') or '/stats'}",
        f"stats refresh {stats.get('refresh') or '10s'}",
        "stats show-legends",
        "stats hide-version",
        *(["stats admin if TRUE"] if stats.get("admin") else []),
    ]
    if stats.get("admin") and not users:
        raise ValueError("stats: admin lets whoever sees the page stop servers: give users")
    return [Section(f"frontend {scope}.stats from {scope}", body)]


def userlist(options: Options) -> list[Section]:
    """Who may read the statistics; this goes to a secret file."""
    users = (options.get("stats") or {}).get("users")
    if not users:
        return []
    return [Section(f"userlist {_list(options['name'])}", [user("stats", each) for each in users])]


def user(where: str, it: Options) -> str:
    """One user, with a hash as ``crypt`` makes it, or a plain password."""
    if bool(it.get("password")) == bool(it.get("password_hash")):
        raise ValueError(f"{where}: user {it['name']} needs either password or password_hash")
    word, secret = (
        ("password", it["password_hash"]) if it.get("password_hash") else ("insecure-password", it["password"])
    )
    groups = [f"groups {','.join(it['groups'])}"] if it.get("groups") else []
    return " ".join([f"user {name(where, it['name'])} {word} {quote(secret)}", *groups])


def _list(scope: str) -> str:
    return f"{scope}.stats"


def _local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address.startswith(("/", "unix@")) or address == "localhost"
