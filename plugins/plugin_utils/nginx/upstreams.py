# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of servers, for sites and for streams alike."""

from __future__ import annotations

import hashlib
import typing as t

from ..blocks import Block, Items, optional, wanted
from ..packages import told
from . import pools, versions
from .values import Context, Options, cookie, endpoint, raw, time, word

FOLDER = "/etc/nginx/mixed_lb/servers"
"""Where the checker keeps the servers of the pools that it checks."""
CONTEXTS = ("http", "stream")
NO_BACKUP = ("ip_hash", "hash", "random")
KEEPALIVE = 32


class Server(t.NamedTuple):
    """A server of a group in all its forms."""

    it: Options
    host: str
    port: int | None
    words: str
    out: bool
    tries: int

    def line(self, state: str = "") -> str:
        """What the group says of it, with such a word about its health. nginx asks no entry twice, so there are as many."""
        return "; ".join([f"server {self.words}{state and ' '}{state}"] * self.tries)


def servers(it: Options, where: str) -> list[Server]:
    """The servers of an upstream, each with its line."""
    found = []
    tries = _tries(it, where)
    for each in wanted(it.get("servers")):
        address = endpoint(each["address"], each.get("port") or it.get("port"), where)
        host, _colon, port = address.rpartition(":") if not address.startswith("unix:") else (address, "", "")
        merged = {name: each.get(name, it.get(name)) for name in ("max_conns", "max_fails", "fail_timeout")}
        if tries > 1:
            # Whoever chooses behind it leaves out what is dead; nginx would leave out everything.
            merged["max_fails"] = merged["max_fails"] or 0
        words = [
            address,
            *(["weight={}".format(each["weight"])] if int(each.get("weight", 1)) != 1 else []),
            *(f"{name}={merged[name]}" for name in ("max_conns", "max_fails") if merged[name] is not None),
            *([f"fail_timeout={time(merged['fail_timeout'])}"] if merged["fail_timeout"] is not None else []),
            *(["backup"] if each.get("backup") else []),
            *(["resolve"] if each.get("resolve") else []),
            *(word(each_word, where) for each_word in each.get("words") or ()),
        ]
        if int(each.get("weight", 1)) < 1:
            raise ValueError(f"{where}: {address} has the weight {each['weight']}; to take it out, say drain: true")
        out = bool(each.get("drain") or each.get("down"))
        found.append(Server(each, host.strip("[]"), int(port) if port else None, " ".join(words), out, tries))
    if not any(not server.it.get("backup") for server in found):
        raise ValueError(f"{where}: there is no server that is no backup")
    lines = [server.words.split()[0] for server in found]
    twice = sorted({line for line in lines if lines.count(line) > 1})
    if twice:
        raise ValueError(f"{where}: {twice[0]} is there twice; give one entry more weight instead")
    return found


def _tries(it: Options, where: str) -> int:
    """How often one request may be sent to the same server."""
    tries = int(it.get("tries", 1))
    if tries < 1:
        raise ValueError(f"{where}: tries is {tries}; it is 1 or more")
    apart = [name for name in ("max_conns", "resolve") for each in (it, *it.get("servers", ())) if each.get(name)]
    if tries > 1 and apart:
        raise ValueError(
            f"{where}: nginx would count {apart[0]} for each of {tries} tries apart; leave out one of them"
        )
    return tries


def upstream(it: Options, kind: str, context: Context) -> list[Block]:
    """The ``upstream`` block. ``kind`` is ``http`` or ``stream``."""
    where = f"upstream {it['name']}"
    found = servers(it, where)
    sticky = it.get("sticky") if kind == "http" else None
    native = bool(sticky) and context.version >= versions.STICKY
    algorithm = it.get("algorithm") or "round_robin"
    if sticky and not native:
        if algorithm != "round_robin":
            raise ValueError(
                f"{where}: sticky with {algorithm} needs nginx {told(versions.STICKY)}, and the host has"
                f" {told(context.version)}, where a hash of the session's cookie is the algorithm; leave out algorithm"
                f" or sticky"
            )
        algorithm = "hash"
    backups = [server for server in found if server.it.get("backup")]
    if algorithm in NO_BACKUP and backups:
        why = "sticky below nginx 1.29.6" if sticky and not native else algorithm
        raise ValueError(f"{where}: {why} knows no backup servers ({backups[0].words.split()[0]})")
    for server in found:
        if server.it.get("resolve"):
            versions.need("resolve", context.version, where)
    size = it.get("zone_size") or f"{max(128, 4 * sum(server.tries for server in found))}k"
    body: list[str | Block] = [
        f"zone {context.label(it['name'], kind)} {word(size, where)}",
        *_method(it, algorithm, where, context, sticky=bool(sticky) and not native),
        *_servers(it, found, kind, context, native=native),
    ]
    if sticky and native:
        body.append(_native_sticky(sticky, where))
    if kind == "http":
        body += _keepalive(it, context)
    return [Block(f"upstream {group(it['name'], context)}", [*body, *raw(it)])]


def group(name: str, context: Context) -> str:
    """The name of an upstream in the configuration."""
    return context.label(name)


def _method(it: Options, algorithm: str, where: str, context: Context, *, sticky: bool) -> list[str]:
    if sticky:
        return [f"hash ${context.label(it['name'], 'session')} consistent"]
    if algorithm == "round_robin":
        return []
    if algorithm in ("least_conn", "ip_hash"):
        return [algorithm]
    if algorithm == "hash":
        key = it.get("hash_key")
        if not key:
            raise ValueError(f"{where}: hash needs a hash_key, such as $remote_addr or $request_uri")
        return [f"hash {word(key, where)}{' consistent' if it.get('consistent', True) else ''}"]
    if algorithm == "random":
        return ["random two least_conn"]
    if algorithm == "least_time":
        versions.need("least_time", context.version, where)
        return ["least_time header"]
    raise ValueError(f"{where}: unknown algorithm {algorithm}")


def _servers(it: Options, found: list[Server], kind: str, context: Context, *, native: bool) -> list[str]:
    if it.get("check") is not None:
        return [f"include {pool(it, kind, context).file}"]
    return [_line(server, native=native) for server in found]


def _line(server: Server, *, native: bool) -> str:
    if not server.out:
        return server.line()
    # Where nginx keeps sessions itself, a drained server keeps those that it has.
    return server.line("drain" if native and not server.it.get("down") else "down")


def pool(it: Options, kind: str, context: Context) -> pools.Pool:
    """The upstream as the checker sees it. The file's name changes with its servers, so that what the checker has said
    of the old ones is never taken for the new ones."""
    where = f"upstream {it['name']}"
    native = bool(it.get("sticky")) and kind == "http" and context.version >= versions.STICKY
    members = tuple(
        pools.Server(
            server.words.split()[0],
            f"{server.line()};",
            f"{_line(server._replace(out=True), native=native and server.out)};",
            out=server.out,
        )
        for server in servers(it, where)
    )
    return limits(it["check"], pools.Pool(f"{kind}/{it['name']}", "", members), context, where)


def limits(check: Options, found: pools.Pool, context: Context, where: str) -> pools.Pool:
    """A pool with the thresholds of its check, and its file."""
    digest = hashlib.sha256(repr(found).encode()).hexdigest()[:8]
    rise, fall, min_up = (
        int(check[name] if name in check else context.options[f"check_{name}"]) for name in ("rise", "fall", "min_up")
    )
    if min(rise, fall, min_up) < 1:
        raise ValueError(f"{where}: rise, fall and min_up of its check must be 1 or more")
    file = f"{FOLDER}/{context.scope}/{found.name.replace('/', '-')}-{digest}.conf"
    return found._replace(file=file, rise=rise, fall=fall, min_up=min_up)


def _native_sticky(sticky: Options, where: str) -> str:
    words = [f"sticky cookie {word(sticky['cookie'], where)}"]
    if sticky.get("max_age"):
        words.append(f"expires={time(sticky['max_age'])}")
    words += ["path=/", "httponly", *(["secure"] if sticky.get("secure") else []), "samesite=lax"]
    return " ".join(words)


def session_maps(it: Options, context: Context) -> Items:
    """Sessions below nginx 1.29.6: who has no cookie gets one, and its value says where to go from then on."""
    sticky = it.get("sticky")
    if not sticky or context.version >= versions.STICKY:
        return []
    name = sticky["cookie"]
    maps, value = cookie(name, context.label(it["name"], "cookie"), f"upstream {it['name']}")
    attributes = ["Path=/", "HttpOnly", "SameSite=Lax"]
    if sticky.get("max_age"):
        attributes.append(f"Max-Age={int(sticky['max_age'])}")
    if sticky.get("secure"):
        attributes.append("Secure")
    return [
        *maps,
        Block(f"map {value} ${context.label(it['name'], 'session')}", [f"default {value}", '"" $request_id']),
        Block(
            f"map {value} ${context.label(it['name'], 'set_cookie')}",
            ['default ""', f'"" "{name}=$request_id; {"; ".join(attributes)}"'],
        ),
    ]


def _keepalive(it: Options, context: Context) -> list[str]:
    number = it.get("keepalive", KEEPALIVE)
    if not number:
        return ["keepalive 0"] if context.version >= versions.KEEPALIVE_BY_ITSELF else []
    words = {"keepalive_requests": "keepalive_requests"}
    times = {"keepalive_timeout": "keepalive_timeout", "keepalive_time": "keepalive_time"}
    return [f"keepalive {number}", *optional(it, words), *optional(it, times, time)]
