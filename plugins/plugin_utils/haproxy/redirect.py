# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Balancing by HTTP redirect: the client is sent to a server that is up, and speaks with it directly."""

from __future__ import annotations

import re

from ..blocks import wanted
from . import servers
from .text import Options, Section, mode

_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9a-f:]+\])(:(?P<port>\d+))?(/[^\s?#]*)?\Z")
CODES = (302, 307, 308)
"""308 is permanent to a client; the choice is never cached all the same."""


def lines(where: str, it: Options, options: Options) -> list[str]:
    """What a backend says before its servers: refuse loops, choose by weight among those that are up, send there."""
    targets = [each for each in wanted(it.get("servers")) if each.get("redirect")]
    code = it.get("redirect_code")
    if not targets:
        if code:
            raise ValueError(f"{where}: redirect_code is given, but no server has redirect, the URL to send clients to")
        return []
    if mode(it) != "http":
        raise ValueError(f"{where}: redirect needs mode http")
    hosts = dict.fromkeys(_host(where, each, options) for each in targets)
    found = [
        "# who asks here by the name of a target would be sent in circles",
        "http-request return status 508 content-type text/plain string"
        f' "The target of a redirect leads back to the balancer" if {{ req.hdr(host) -m str -i {" ".join(hosts)} }}',
        # 308 may be cached by whoever likes, unless it is forbidden
        "http-after-response set-header Cache-Control no-store",
    ]
    if not code:
        return found
    if code not in CODES:
        raise ValueError(f"{where}: redirect_code {code} is none of {', '.join(map(str, CODES))}")
    return found + _choice(where, it, code)


def _choice(where: str, it: Options, code: int) -> list[str]:
    """Rules of its own, as ``redir`` knows 302 only, and proxies what is neither GET nor HEAD."""
    chosen = wanted(it.get("servers"))
    for each in chosen:
        if not each.get("redirect"):
            raise ValueError(f"{where}: server {each['name']} has no redirect, and redirect_code is given")
        if not servers.checked(each, it):
            raise ValueError(f"{where}: server {each['name']}: redirect_code needs a check")
    usable = {each["name"]: f"{{ nbsrv({shadow(it, each)}) gt 0 }}" for each in chosen}
    names = {each["name"]: f"{it['name']}/{each['name']}" for each in chosen}
    found = ["http-request set-var(txn.sum) int(0)"]
    for number, each in enumerate(chosen):
        found += [
            # the weight that it has now: haproxy_server may have changed it
            f"http-request set-var(txn.weight) srv_uweight({names[each['name']]})",
            f"http-request set-var(txn.sum) var(txn.sum),add(txn.weight) if {usable[each['name']]}",
            f"http-request set-var(txn.upto{number}) var(txn.sum)",
        ]
    found += [
        "http-request return status 503 if { var(txn.sum) -m int eq 0 }",
        "http-request set-var(txn.pick) rand,mod(txn.sum)",
    ]
    found += [
        f"http-request redirect prefix {each['redirect'].rstrip('/')} code {code}"
        f" if {{ var(txn.pick),sub(txn.upto{number}) -m int lt 0 }}"
        for number, each in enumerate(chosen)
    ]
    return found


def shadow(it: Options, target: Options) -> str:
    """The backend that has this target alone: ``nbsrv`` of it says whether the target may be chosen."""
    return f"{it['name']}.{target['name']}"


def shadows(it: Options, head: str) -> list[Section]:
    """Backends that follow one target each; drain and maintenance of it count there too."""
    if not it.get("redirect_code"):
        return []
    first, _space, rest = head.partition(" from ")
    kind = first.split()[0]
    return [
        Section(
            f"{kind} {shadow(it, each)} from {rest}",
            [
                "mode http",
                f"server {each['name']} {servers.endpoint(each['address'], each.get('port'))}"
                f" track {it['name']}/{each['name']}",
            ],
        )
        for each in wanted(it.get("servers"))
    ]


def _host(where: str, it: Options, options: Options) -> str:
    """The host that a target's URL names, as a client will write it."""
    url = _URL.match(str(it["redirect"]))
    if not url:
        raise ValueError(
            f"{where}: server {it['name']}: redirect {it['redirect']!r} must be a URL that begins with http:// or"
            f" https://, without a query; path and query of the request are put behind it"
        )
    host, port = url["host"].strip("[]").lower(), int(url["port"] or (443 if url["scheme"] == "https" else 80))
    if host in (options.get("redirect_own_names") or ()) or (host, port) in _own_places(options):
        raise ValueError(
            f"{where}: server {it['name']}: redirect {it['redirect']!r} leads back to the balancer, which answers there."
            f" Give the target a name of its own"
        )
    return url["host"] + (f":{url['port']}" if url["port"] else "")


def _own_places(options: Options) -> set[tuple[str, int]]:
    """Addresses and ports that the balancer listens on."""
    fronts = [*wanted(options.get("frontends")), *wanted(options.get("listens"))]
    binds = [each for front in fronts for each in wanted(front.get("binds"))]
    return {(str(each["address"]), int(each.get("port") or 0)) for each in binds}
