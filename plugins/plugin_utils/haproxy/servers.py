# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a backend, and how they are checked."""

from __future__ import annotations

import typing as t

from ..addresses import before_port
from ..blocks import wanted
from .text import Options, given, mode, name, quote, times, words

NO_CHECK = "none"
"""A check of this type is no check."""
_PACE = {"interval": "inter", "fast_interval": "fastinter", "down_interval": "downinter"}
_COUNTS = {"rise": "rise", "fall": "fall"}
_LIMITS = {"max_connections": "maxconn", "min_connections": "minconn", "max_queue": "maxqueue"}
_TLS = {
    "ca": "ca-file",
    "certificate": "crt",
    "verify_host": "verifyhost",
    "alpn": "alpn",
    "min_version": "ssl-min-ver",
}
_PROXY = {"v1": "send-proxy", "v2": "send-proxy-v2"}
_PLAIN_CHECKS = {
    "smtp": "option smtpchk",
    "ldap": "option ldap-check",
    "redis": "option redis-check",
    "mysql": "option mysql-check",
    "pgsql": "option pgsql-check",
}


def endpoint(address: str, port: object) -> str:
    """``ADDRESS:PORT``; an IPv6 address gets its brackets, a path of a socket has no port."""
    if address.startswith(("/", "unix@", "abns@")):
        return address
    host = before_port(address)
    return f"{host}:{port}" if given(port) else host


def check_lines(where: str, it: Options) -> list[str]:
    """The lines of a backend that say what a check asks."""
    check = it.get("check") or {}
    kind = check.get("type") or "tcp"
    if kind == "http":
        send = [f"meth {check.get('method') or 'GET'}", f"uri {quote(check.get('path') or '/')}"]
        headers: list[Options] = [*([{"name": "Host", "value": check["host"]}] if check.get("host") else [])]
        headers += wanted(check.get("headers"))
        # HTTP/1.1 without a Host header would be refused by many servers
        send += [f"ver {check.get('version') or ('HTTP/1.1' if headers else 'HTTP/1.0')}"]
        send += [f"hdr {quote(each['name'])} {quote(each['value'])}" for each in headers]
        send += words(check, {"body": "body"})
        lines = ["option httpchk", f"http-check send {' '.join(send)}"]
        return lines + [f"http-check expect {each}" for each in check.get("expect") or ["status 200-399"]]
    if kind == "tcp" and check.get("steps"):
        return ["option tcp-check", *(f"tcp-check {step}" for step in check["steps"])]
    for key in ("steps", "path"):
        if given(check.get(key)):
            raise ValueError(f"{where}: a check of type {kind} has no {key}")
    if kind == "pgsql" and not check.get("user"):
        raise ValueError(f"{where}: a check of type pgsql needs user")
    user = words(check, {"user": "user"}) if kind in ("mysql", "pgsql") else []
    return [" ".join([_PLAIN_CHECKS[kind], *user])] if kind in _PLAIN_CHECKS else []


def check_pace(where: str, check: Options | None) -> list[str]:
    """How often a server is checked, and how many answers it takes."""
    return times(f"{where}: check", check or {}, _PACE) + words(check or {}, _COUNTS)


def server_defaults(where: str, it: Options) -> list[str]:
    """The line ``default-server`` of a backend, or nothing."""
    found = [
        *check_pace(where, it.get("check")),
        # to HAProxy it is a matter of each server
        *words(it, {"hash_key": "hash-key"}),
        *_settings(where, it.get("server_defaults") or {}),
    ]
    return [f"default-server {' '.join(found)}"] if found else []


def server(it: Options, backend: Options) -> str:
    """One ``server`` line."""
    where = f"backend {backend['name']}: server {it['name']}"
    own = it.get("cookie") or (it["name"] if backend.get("cookie") else None)
    if it.get("cookie") and not backend.get("cookie"):
        raise ValueError(f"{where}: cookie is given, but the backend has none")
    if it.get("redirect") and mode(backend) != "http":
        raise ValueError(f"{where}: redirect needs mode http")
    found = [
        f"server {name(where, it['name'])} {endpoint(it['address'], it.get('port'))}",
        # 256 is the highest, and 0 a value: no new clients
        *words(it, {"weight": "weight"}),
        *(["backup"] if it.get("backup") else []),
        *(["disabled"] if it.get("disabled") else []),
        *_check(where, it, backend),
        *_agent(where, it.get("agent") or backend.get("agent")),
        *([f"cookie {quote(own)}"] if own else []),
        *(
            [f"redir {quote(it['redirect'].rstrip('/'))}"]
            if it.get("redirect") and not backend.get("redirect_code")
            else []
        ),
        *_settings(where, it),
    ]
    _check_name(where, it, backend.get("server_defaults") or {})
    return " ".join(found)


def checked(it: Options, backend: Options) -> bool:
    """Whether a server has a check."""
    return bool(it.get("check", True)) and (backend.get("check") or {}).get("type") != NO_CHECK


def _check(where: str, it: Options, backend: Options) -> list[str]:
    if given(it.get("track")):
        return [f"track {it['track']}"]
    if not checked(it, backend):
        return []
    check = backend.get("check") or {}
    own = it.get("tls") or (backend.get("server_defaults") or {}).get("tls") or {}
    tls = check.get("type") == "tls" or check.get("tls")
    # a check asks for no name by itself, though connections do
    name_ = check.get("server_name") or own.get("server_name")
    return [
        "check",
        *([f"port {it['check_port']}"] if given(it.get("check_port")) else words(check, {"port": "port"})),
        *words(check, {"address": "addr"}),
        *(["check-ssl"] if tls else []),
        # what a server's own tls says about certificates holds for its checks too
        *(["verify none"] if tls and not own else []),
        *([f"check-sni {quote(name_)}"] if name_ and tls is not False else []),
        *words(check, {"alpn": "check-alpn"}),
        *(["check-send-proxy"] if check.get("proxy_protocol") else []),
        *(["no-check-ssl"] if tls is False and own else []),
    ]


def _agent(where: str, agent: Options | None) -> list[str]:
    if not agent:
        return []
    keys = {"address": "agent-addr", "send": "agent-send"}
    return [
        "agent-check",
        f"agent-port {agent['port']}",
        *times(f"{where}: agent", agent, {"interval": "agent-inter"}),
        *words(agent, keys),
    ]


def _settings(where: str, it: Options) -> list[str]:
    """What a server and ``server_defaults`` may both say."""
    return [
        *words(it, _LIMITS),
        *times(where, it, {"slow_start": "slowstart"}),
        *_tls(where, it.get("tls")),
        *([_PROXY[it["proxy_protocol"]]] if given(it.get("proxy_protocol")) else []),
        *words(it, {"on_marked_down": "on-marked-down", "on_marked_up": "on-marked-up", "source": "source"}),
        *words(it, {"init_address": "init-addr", "resolvers": "resolvers"}),
        *(it.get("words") or ()),
    ]


def _tls(where: str, tls: Options | None) -> list[str]:
    if not tls:
        return []
    verify = tls.get("verify", True)
    if verify and not tls.get("ca"):
        raise ValueError(f"{where}: tls needs ca, the certificates to trust; or verify: false to trust anybody")
    return [
        "ssl",
        f"verify {'required' if verify else 'none'}",
        *([f"sni str({tls['server_name']})"] if tls.get("server_name") else []),
        *words(tls, _TLS),
    ]


def _check_name(where: str, it: Options, defaults: Options) -> None:
    """Without a name, each certificate of those authorities would do. A backend's servers have what its defaults say."""
    tls = {**(defaults.get("tls") or {}), **(it.get("tls") or {})}
    own = " ".join([*(defaults.get("words") or ()), *(it.get("words") or ())]).split()
    named = tls.get("server_name") or tls.get("verify_host") or {"sni", "verifyhost"} & {*own}
    if tls and tls.get("verify", True) and not named:
        raise ValueError(
            f"{where}: tls needs server_name or verify_host, the name that the certificate must be for;"
            f" or verify: false to trust anybody"
        )


def lines(it: Options) -> list[str]:
    """All servers of a backend."""
    return [server(each, it) for each in wanted(it.get("servers"))]


def names(it: Options) -> t.Iterator[str]:
    """Their names."""
    return (str(each["name"]) for each in wanted(it.get("servers")))
