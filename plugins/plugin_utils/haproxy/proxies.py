# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frontends, backends and listens."""

from __future__ import annotations

import typing as t

from ..blocks import wanted
from . import features, redirect, servers
from .balance import balance, cookie, stickiness
from .features import require
from .text import (
    Options,
    Section,
    acls,
    condition,
    given,
    mode,
    name,
    quote,
    rules,
    switch,
    timeouts,
    times,
    unique,
    words,
)

_MODES = ("http", "tcp", "log")
PROXIED = "proxied"
"""Sockets on which trusted proxies begin with a PROXY protocol header."""
# More than a failed connection: the server may have seen the request already.
_BEFORE_ANY_REQUEST = ("none", "conn-failure")


def sections(options: Options) -> list[Section]:
    """All of a scope, in the order: backends, listens, frontends."""
    backends, listens, frontends = (wanted(options.get(kind)) for kind in ("backends", "listens", "frontends"))
    unique("backends and listens", [*backends, *listens])
    unique("frontends and listens", [*frontends, *listens])
    known = {str(each["name"]): mode(each) for each in [*backends, *listens]}
    found = []
    for each in backends:
        found += [_backend(each, options), *redirect.shadows(each, _head("backend", each, options))]
    found += [_listen(each, options, known) for each in listens]
    return [*found, *(_frontend(each, options, known) for each in frontends)]


def _head(kind: str, it: Options, options: Options, own: str | None = None) -> str:
    parent = it.get("from")
    names = [str(each["name"]) for each in wanted(options.get("defaults"))]
    if parent and parent not in names:
        raise ValueError(f"{kind} {it['name']}: from: there is no {parent} in defaults ({', '.join(names) or 'none'})")
    scope = options["name"]
    return f"{kind} {own or name(kind, it['name'])} from {f'{scope}.{parent}' if parent else scope}"


def _frontend(it: Options, options: Options, known: t.Mapping[str, str]) -> Section:
    where = f"frontend {it['name']}"
    body = [*_front(where, it, options), *_routes(where, it, known), *(it.get("lines") or ())]
    return Section(_head("frontend", it, options), body)


def _backend(it: Options, options: Options) -> Section:
    where = f"backend {it['name']}"
    body = [f"mode {_mode(where, it, options)}", *timeouts(where, it.get("timeouts"))]
    body += [*acls(it), *rules(where, it, http=False), *rules(where, it, http=True), *_back(where, it, options)]
    return Section(_head("backend", it, options), [*body, *(it.get("lines") or ())])


def _listen(it: Options, options: Options, known: t.Mapping[str, str]) -> Section:
    where = f"listen {it['name']}"
    if it.get("redirect_code"):
        raise ValueError(f"{where}: redirect_code needs a backend and a frontend")
    body = [*_front(where, it, options), *_routes(where, it, known), *_back(where, it, options)]
    return Section(_head("listen", it, options), [*body, *(it.get("lines") or ())])


def _mode(where: str, it: Options, options: Options) -> str:
    found = mode(it)
    if found not in _MODES:
        raise ValueError(f"{where}: mode {found!r} is none of {', '.join(_MODES)}")
    if found == "log":
        require(where, features.LOG_MODE, options)
    return found


def _front(where: str, it: Options, options: Options) -> list[str]:
    binds = wanted(it.get("binds"))
    if not binds:
        raise ValueError(f"{where}: binds: without an address to listen on nobody reaches it")
    http = _mode(where, it, options) == "http"
    log_format = it.get("log_format") or (options.get("log_format") if http else None)
    return [
        f"mode {mode(it)}",
        *(bind(where, each, it) for each in binds),
        *words(it, {"max_connections": "maxconn"}),
        f"log-format {quote(log_format)}" if log_format else f"option {'httplog' if http else 'tcplog'}",
        *timeouts(where, it.get("timeouts")),
        *acls(it),
        *times(where, it, {"inspect_delay": "tcp-request inspect-delay"}),
        *_heard(it, binds),
        # HAProxy looks at these before any request, and says so where they stand later
        *rules(where, it, http=False),
        *(_client_address(it, binds) if http else []),
        *rules(where, it, http=True),
    ]


def _heard(it: Options, binds: t.Sequence[Options]) -> list[str]:
    """The rule, before one that accepts, that has only trusted proxies begin with a PROXY protocol header, where any are named."""
    senders = _senders(it)
    if not senders or not any(each.get("proxy_protocol") for each in binds):
        return []
    return [f"tcp-request connection expect-proxy layer4 if {{ so_name {PROXIED} }} {_come_from(senders)}"]


def _senders(it: Options) -> t.Sequence[str]:
    """Who begins with a PROXY protocol header; empty for everybody."""
    return it.get("proxy_protocol_from", it.get("trusted_proxies")) or ()


def _come_from(networks: t.Sequence[str]) -> str:
    return f"{{ src {' '.join(networks)} }}"


def _client_address(it: Options, binds: t.Sequence[Options]) -> list[str]:
    """The servers learn who asked, and how; what a client says about itself counts from trusted proxies only."""
    if not it.get("forwarded_for", True):
        return []
    trusted = _come_from(it["trusted_proxies"]) if it.get("trusted_proxies") else ""
    lines = [
        f"http-request del-header {header}{f' unless {trusted}' if trusted else ''}"
        for header in ("X-Forwarded-For", "X-Forwarded-Proto")
    ]
    unset = ["!{ req.hdr(X-Forwarded-Proto) -m found }"] if trusted else []
    schemes = {"https": ["{ ssl_fc }"], "http": ["!{ ssl_fc }"]} if any(b.get("tls") for b in binds) else {"http": []}
    for scheme, test in schemes.items():
        tests = " ".join([*test, *unset])
        lines.append(f"http-request set-header X-Forwarded-Proto {scheme}{f' if {tests}' if tests else ''}")
    return [*lines, "option forwardfor"]


def bind(where: str, it: Options, owner: Options) -> str:
    """One ``bind`` line."""
    where = f"{where}: bind {it['address']}"
    tls = it.get("tls")
    found = [
        f"bind {servers.endpoint(it['address'], it.get('port'))}",
        # the second believes everybody
        *([f"name {PROXIED}" if _senders(owner) else "accept-proxy"] if it.get("proxy_protocol") else []),
        *(["transparent"] if it.get("nonlocal") else []),
        *words(it, {"interface": "interface", "max_connections": "maxconn", "backlog": "backlog"}),
        *(_bind_tls(where, tls, owner) if tls else []),
        *(it.get("words") or ()),
    ]
    return " ".join(found)


def _bind_tls(where: str, tls: Options, owner: Options) -> list[str]:
    certificates, listing = tls.get("certificates") or [], tls.get("certificate_list")
    if not certificates and not listing:
        raise ValueError(f"{where}: tls needs certificates, or a certificate_list")
    verify = tls.get("client_verify") or ("required" if tls.get("client_ca") else None)
    if verify in ("required", "optional") and not tls.get("client_ca"):
        raise ValueError(f"{where}: tls: client_verify {verify} needs client_ca, the certificates to trust")
    alpn = tls.get("alpn") or (["h2", "http/1.1"] if mode(owner) == "http" else [])
    return [
        "ssl",
        *(f"crt {path}" for path in certificates),
        *([f"crt-list {listing if listing.startswith('/') else f'@{listing}.crtlist@'}"] if listing else []),
        *([f"alpn {','.join(alpn)}"] if alpn else []),
        *([f"verify {verify}"] if verify else []),
        *words(tls, {"client_ca": "ca-file", "client_crl": "crl-file", "min_version": "ssl-min-ver"}),
        *(["strict-sni"] if tls.get("strict_sni") else []),
    ]


def _routes(where: str, it: Options, known: t.Mapping[str, str]) -> list[str]:
    lines = []
    for each in wanted(it.get("routes")):
        _check_target(where, each["backend"], it, known)
        lines.append(f"use_backend {each['backend']}{condition(each)}")
    if given(it.get("default_backend")):
        _check_target(where, it["default_backend"], it, known)
        lines.append(f"default_backend {it['default_backend']}")
    return lines


def _check_target(where: str, target: str, it: Options, known: t.Mapping[str, str]) -> None:
    if "%[" in target:
        return  # found at run time, as by a map
    if target not in known:
        raise ValueError(f"{where}: there is no backend {target}; there are {', '.join(sorted(known)) or 'none'}")
    if mode(it) == "http" and known[target] != "http":
        raise ValueError(f"{where}: mode is http, but that of backend {target} is {known[target]}")


def _back(where: str, it: Options, options: Options) -> list[str]:
    unique(f"{where}: servers", wanted(it.get("servers")))
    retry_on = it.get("retry_on") or []
    again = [each for each in retry_on if each not in _BEFORE_ANY_REQUEST]
    return [
        *balance(where, it, mode(it), options),
        *cookie(where, it, mode(it)),
        *stickiness(where, it, options),
        *servers.check_lines(where, it),
        *words(it, {"retries": "retries", "full_connections": "fullconn"}),
        *switch(it, "redispatch", "option redispatch"),
        *([f"retry-on {' '.join(retry_on)}"] if retry_on else []),
        # a request that changes something is sent once
        *(["http-request disable-l7-retry unless METH_GET or METH_HEAD or METH_OPTIONS"] if again else []),
        *([f"http-reuse {it['reuse']}"] if it.get("reuse") else []),
        *redirect.lines(where, it, options),
        *servers.server_defaults(where, it),
        *servers.lines(it),
    ]
