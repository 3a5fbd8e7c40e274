# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a location hands requests to an upstream."""

from __future__ import annotations

import typing as t

from ..blocks import optional
from . import tls as tls_
from .values import Context, Options, quoted, switch, time, word
from .versions import STICKY

GRPC = ("grpc", "grpcs")
ENCRYPTED = ("https", "grpcs")
TIMES = {"connect_timeout": "connect_timeout", "read_timeout": "read_timeout", "send_timeout": "send_timeout"}
CHAIN = "X-Forwarded-For"
NEXT = ("error", "timeout")
"""What makes nginx ask the next server. Only what cannot have been worked on is asked for again: a POST that was sent is
not, unless ``non_idempotent`` says so."""
CONDITIONS = (
    *("error", "timeout", "invalid_header", "http_500", "http_502", "http_503", "http_504"),
    *("http_403", "http_404", "http_429", "updating", "off"),
)


def protocol_of(target: Options) -> str:
    """How the servers of an upstream are spoken to."""
    return str(target.get("protocol") or "http")


def hand_over(options: Options, to: str, target: Options, context: Context, where: str) -> list[str]:
    """The lines that pass requests on. ``to`` is the group or the variable that has it; ``target`` one of the upstreams."""
    protocol = protocol_of(target)
    word_ = "grpc" if protocol in GRPC else "proxy"
    trusted = bool(options.get("trusted_proxies", context.options.get("trusted_proxies")))
    header = real_ip_header(options) if trusted else ""
    forwarded = _forwarded(header)
    lines = [f"{word_}_pass {protocol}://{to}", *_headers(options, target, word_, forwarded)]
    if word_ == "proxy":
        lines += ["proxy_http_version 1.1", *_sizes(options), *_buffering(options)]
        lines += _cache(options, forwarded["X-Forwarded-Proto"], context, where)
    lines += [f"{word_}_{line}" for line in optional(_merged(options, context, TIMES), TIMES, time)]
    lines += _next(options, word_, context, where)
    lines += [f"{word_}_{line}" for line in _encryption(target, where)] if protocol in ENCRYPTED else []
    return lines


def headers_out(options: Options, site_tls: Options, targets: t.Iterable[Options], context: Context) -> list[str]:
    """Headers towards the client. nginx forgets those of a server where a location has one, so each location has all."""
    lines = tls_.hsts(site_tls)
    for target in targets:
        if target.get("sticky") and context.version < STICKY:
            lines.append(f"add_header Set-Cookie ${context.label(target['name'], 'set_cookie')} always")
    for header, value in (options.get("add_headers") or {}).items():
        lines.append(f"add_header {word(header, 'add_headers')} {quoted(value)} always")
    return lines


TOLD = "$mixed_lb_host$mixed_lb_forwarded_for$mixed_lb_forwarded_proto$mixed_lb_forwarded_port"
"""What servers are told, as far as regular expressions find it."""


def _merged(options: Options, context: Context, names: t.Iterable[str]) -> dict[str, t.Any]:
    """The values of a location or its site, or those of the role."""
    return {name: options.get(name, context.options.get(name)) for name in names}


def real_ip_header(options: Options) -> str:
    """Where trusted proxies in front of a site say who the client is."""
    return str(options.get("real_ip_header") or ("proxy_protocol" if options.get("proxy_protocol") else CHAIN))


def _forwarded(header: str) -> dict[str, str]:
    """What a server is told of the client's way. ``header``: where trusted proxies say it, if there are any.

    What a client says of itself is passed on only if it was a proxy that is trusted. Whoever speaks the PROXY protocol leaves
    the client's headers as they are.
    """
    told = header not in ("", "proxy_protocol")
    return {
        "X-Forwarded-For": "$mixed_lb_forwarded_for" if header.lower() == CHAIN.lower() else "$remote_addr",
        "X-Forwarded-Proto": "$mixed_lb_forwarded_proto" if told else "$scheme",
        "X-Forwarded-Port": "$mixed_lb_forwarded_port" if told else "$server_port",
    }


def _headers(options: Options, target: Options, word_: str, forwarded: t.Mapping[str, str]) -> list[str]:
    headers = {
        "Host": "$host" if word_ == "grpc" else "$mixed_lb_host",
        "X-Real-IP": "$remote_addr",
        **forwarded,
        "X-Forwarded-Host": "$host",
        "X-Request-ID": "$request_id",
    }
    if word_ == "proxy":
        headers |= {"Upgrade": "$mixed_lb_upgrade", "Connection": "$mixed_lb_connection"}
    if target.get("host_header"):
        headers["Host"] = target["host_header"]
    # to nginx, names that differ in case would be two headers
    own = options.get("set_headers") or {}
    said = {name.lower() for name in own}
    headers = {**{name: value for name, value in headers.items() if name.lower() not in said}, **own}
    return [f"{word_}_set_header {word(name, 'set_headers')} {quoted(value)}" for name, value in headers.items()]


def _sizes(options: Options) -> list[str]:
    words = {
        "buffer_size": "proxy_buffer_size",
        "buffers": "proxy_buffers",
        "busy_buffers_size": "proxy_busy_buffers_size",
    }
    return optional(options, words)


def _buffering(options: Options) -> list[str]:
    words = {"buffering": "proxy_buffering", "request_buffering": "proxy_request_buffering"}
    return optional(options, words, switch)


def _next(options: Options, word_: str, context: Context, where: str) -> list[str]:
    policy: Options = {**(context.options.get("next_upstream") or {}), **(options.get("next_upstream") or {})}
    conditions = list(policy.get("conditions") or NEXT)
    unknown = [each for each in conditions if each not in CONDITIONS]
    if unknown:
        raise ValueError(
            f"{where}: next_upstream cannot have {unknown[0]}; conditions are {', '.join(CONDITIONS)}, and"
            f" non_idempotent: true is for requests such as POST"
        )
    if policy.get("non_idempotent"):
        conditions.append("non_idempotent")
    return [
        f"{word_}_next_upstream {' '.join(conditions)}",
        f"{word_}_next_upstream_tries {int(policy.get('tries', 2))}",
        f"{word_}_next_upstream_timeout {time(policy.get('timeout', 10))}",
    ]


def _encryption(target: Options, where: str) -> list[str]:
    tls = target.get("tls") or {}
    tls_.need_name(tls, where)
    name = word(tls.get("name") or "$host", where)
    lines = ["ssl_server_name on", f"ssl_name {name}", *optional(tls, {"protocols": "ssl_protocols"})]
    if tls.get("ca"):
        lines += ["ssl_verify on", f"ssl_trusted_certificate {word(tls['ca'], where)}"]
        lines += optional(tls, {"verify_depth": "ssl_verify_depth"})
    if tls.get("certificate"):
        lines += [
            f"ssl_certificate {word(tls['certificate'], where)}",
            f"ssl_certificate_key {word(tls['key'], where)}",
        ]
    return lines


def _cache(options: Options, scheme: str, context: Context, where: str) -> list[str]:
    cache = options.get("cache")
    if not cache:
        return []
    known = [each["name"] for each in context.options.get("caches") or () if each.get("state") != "absent"]
    if cache["name"] not in known:
        raise ValueError(f"{where}: there is no cache {cache['name']} in nginx_lb_caches")
    lines = [
        f"proxy_cache {context.label(cache['name'], 'cache')}",
        # host and scheme are part of what is asked for, as the server is told them
        f"proxy_cache_key {quoted(cache.get('key') or f'{scheme}$mixed_lb_host$request_uri')}",
        *(f"proxy_cache_valid {status} {time(kept)}" for status, kept in (cache.get("valid") or {}).items()),
        # One request fetches what many want; meanwhile, and while no server answers, the old answer is good.
        "proxy_cache_lock on",
        f"proxy_cache_use_stale {' '.join(cache.get('stale') or ('error', 'timeout', 'updating', 'http_502', 'http_503', 'http_504'))}",
        "proxy_cache_background_update on",
        "proxy_cache_revalidate on",
        "add_header X-Cache-Status $upstream_cache_status always",
    ]
    for name, line in (("bypass", "proxy_cache_bypass"), ("no_store", "proxy_no_cache")):
        if cache.get(name):
            lines.append(f"{line} {' '.join(word(each, where) for each in cache[name])}")
    return lines
