# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Balancing by HTTP redirect: a client is sent to one of several targets, and nothing remembers to which."""

from __future__ import annotations

import re
import typing as t

from ..addresses import before_port
from ..blocks import Block, Items, wanted
from . import pools, sites, tls, upstreams
from .values import Context, Options, named, quoted, raw, word

STATUS = (302, 307, 308)
URL = re.compile(r"(https?)://(\[[0-9a-fA-F:]+\]|[^][/:?#@$]+)(?::(\d+))?/?")
PORTS = {"http": 80, "https": 443}


class Target(t.NamedTuple):
    """Where clients are sent: ``host`` is as a client names it, without the scheme's own port."""

    it: Options
    url: str
    scheme: str
    name: str
    port: int

    @property
    def host(self) -> str:
        name = before_port(self.name)
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


def targets(it: Options) -> list[Target]:
    """The targets of a redirect."""
    where = f"redirect {it['name']}"
    found = []
    for each in wanted(it.get("targets")):
        url = word(each["url"], where)
        parts = URL.fullmatch(url)
        if not parts:
            raise ValueError(f"{where}: the target {url} must be scheme and host alone, as in https://a.example:8443")
        if int(each.get("weight", 1)) < 1:
            raise ValueError(f"{where}: {url} has the weight {each['weight']}; to send nobody there, say drain: true")
        scheme, name, port = parts.groups()
        found.append(Target(each, url.rstrip("/"), scheme, name.strip("[]").lower(), int(port or PORTS[scheme])))
    if all(target.it.get("drain") for target in found):
        raise ValueError(f"{where}: there is no target that is not drained")
    urls = [target.url for target in found]
    if len(set(urls)) < len(urls):
        raise ValueError(f"{where}: a target is there twice; give one entry more weight instead")
    _refuse_loops(it, found, where)
    return found


def _refuse_loops(it: Options, found: t.Iterable[Target], where: str) -> None:
    """A client that is sent to where it comes from would ask for ever."""
    own = "443" if it.get("tls") else "80"
    ports = [each.rpartition(":")[2] for each in sites.listeners(it)]
    for target in found:
        for domain in it.get("domains") or ():
            here = {domain if port == own else f"{domain}:{port}" for port in ports}
            if any(_covers(name, target.host) for name in here):
                raise ValueError(
                    f"{where}: the target {target.url} is the redirect itself, which would send clients round for ever"
                )


def _covers(name: str, host: str) -> bool:
    """Whether a host is meant by a domain, which may begin with ``*.`` or a dot."""
    return host == name.lower().removeprefix(".") or (name[:1] in "*." and host.endswith(name.lstrip("*").lower()))


def pool(it: Options, context: Context) -> pools.Pool:
    """The redirect as the checker sees it."""
    members = tuple(
        pools.Server(target.url, target.url, weight=int(target.it.get("weight", 1)), out=bool(target.it.get("drain")))
        for target in targets(it)
    )
    key = quoted(it.get("key") or "$remote_addr$request_id")
    head = f"split_clients {key} ${context.label(it['name'], 'target')}"
    found = pools.Pool(f"redirect/{it['name']}", "", members, "split", head)
    return upstreams.limits(it.get("check") or {}, found, context, f"redirect {it['name']}")


def redirects(context: Context) -> Items:
    """All redirects."""
    blocks: list[str | Block] = []
    for each in named(context.options.get("redirects"), "nginx_lb_redirects"):
        blocks += _redirect(each, context)
    return blocks


def _redirect(it: Options, context: Context) -> list[str | Block]:
    where = f"redirect {it['name']}"
    status = int(it.get("status", 302))
    if status not in STATUS:
        raise ValueError(f"{where}: the status {status} must be one of {', '.join(map(str, STATUS))}")
    found, shared = pool(it, context), targets(it)
    target, here = context.label(it["name"], "target"), context.label(it["name"], "is_target")
    if it.get("check") is not None:
        choice: list[str | Block] = [f"include {found.file}"]
    else:
        choice = [Block(found.head, pools.shares([each for each in found.servers if not each.out]))]
    hosts = dict.fromkeys(each.host for each in shared)
    body: list[str | Block] = [
        *sites.listen(it, context, where, set()),
        sites.names(it, where),
        *(tls.server_tls(it["tls"], context.label("tls"), where) if it.get("tls") else []),
        *sites.real_ip(it, context, where),
        *sites.log(it, context),
        *raw(it),
        # for names that the role does not know: whoever was sent to a target and comes here would be sent round
        Block(f"if (${here})", ["return 508"]),
        Block(
            "location /",
            [
                # the next request is another choice
                'add_header Cache-Control "no-store" always',
                *tls.hsts(it.get("tls") or {}),
                f"return {status} ${target}$request_uri",
            ],
        ),
    ]
    return [
        *choice,
        Block(f"map $mixed_lb_host ${here}", ["default 0", *(f"{quoted(host)} 1" for host in hosts)]),
        Block("server", body),
    ]
