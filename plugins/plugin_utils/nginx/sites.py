# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites: what nginx answers for a set of domains."""

from __future__ import annotations

import typing as t

from ..blocks import Block, Items, optional, wanted
from . import proxy, routes, tls, versions
from .values import Context, Options, named, quoted, raw, time, word

PLAIN, ENCRYPTED = ("80", "[::]:80"), ("443", "[::]:443")
TYPES = (
    *("text/css", "text/plain", "text/javascript", "application/javascript", "application/json", "application/xml"),
    *("application/wasm", "image/svg+xml"),
)
SERVER_WORDS = {
    "client_max_body_size": "client_max_body_size",
    "header_buffer_size": "client_header_buffer_size",
    "large_header_buffers": "large_client_header_buffers",
    "keepalive_requests": "keepalive_requests",
}
SERVER_TIMES = {
    "header_timeout": "client_header_timeout",
    "body_timeout": "client_body_timeout",
    "keepalive_timeout": "keepalive_timeout",
}
MATCHES = {"prefix": "", "exact": "= ", "prefix_first": "^~ ", "regex": "~ ", "regex_ignore_case": "~* "}


def sites(context: Context, upstreams: t.Mapping[str, Options]) -> Items:
    """All sites, with the maps that they need."""
    found = named(context.options.get("sites"), "nginx_lb_sites")
    _same_listeners([*found, *named(context.options.get("redirects"), "nginx_lb_redirects")])
    quic: set[str] = set()
    blocks: list[str | Block] = []
    for site in found:
        blocks += _site(site, context, upstreams, quic)
    return blocks


def used(context: Context) -> set[str]:
    """The names of the upstreams that sites hand requests to."""
    names: set[str] = set()
    for site in wanted(context.options.get("sites")):
        for place in (site, *wanted(site.get("locations"))):
            names |= {str(each["upstream"]) for each in (place, *wanted(place.get("routes"))) if each.get("upstream")}
    return names


def listeners(site: Options) -> list[str]:
    """Where a site listens."""
    return [
        word(each, f"site {site['name']}") for each in site.get("listen") or (ENCRYPTED if site.get("tls") else PLAIN)
    ]


def _plain_listeners(site: Options) -> list[str]:
    """Where a site sends clients of plain HTTP to TLS."""
    found = site.get("plain_listen") or PLAIN if site.get("redirect_https") else ()
    return [word(each, f"site {site['name']}") for each in found]


def _same_listeners(found: t.Iterable[Options]) -> None:
    """The PROXY protocol is a matter of the socket, not of the site."""
    seen: dict[str, tuple[str, bool]] = {}
    for site in found:
        for address in (*listeners(site), *_plain_listeners(site)):
            name, wants = seen.setdefault(address, (site["name"], bool(site.get("proxy_protocol"))))
            if wants != bool(site.get("proxy_protocol")):
                raise ValueError(
                    f"sites {name} and {site['name']} listen on {address}, but only one of them has proxy_protocol:"
                    f" it holds for all connections to an address, so give it to both or to none"
                )


def _site(it: Options, context: Context, upstreams: t.Mapping[str, Options], quic: set[str]) -> list[str | Block]:
    where = f"site {it['name']}"
    encryption = it.get("tls") or {}
    maps: list[str | Block] = []
    body: list[str | Block] = [*listen(it, context, where, quic), names(it, where)]
    if encryption:
        body += tls.server_tls(encryption, context.label("tls"), where)
    body += [*optional(it, SERVER_WORDS), *optional(it, SERVER_TIMES, time), *real_ip(it, context, where)]
    body += [*_compression(it), *_limits(it, context, where), *log(it, context), *raw(it)]
    inside = wanted(it.get("locations"))
    if it.get("upstream") and not any(each.get("path") == "/" for each in inside):
        inside = [*inside, {"path": "/"}]
    if not inside and not it.get("lines") and not it.get("redirect_https"):
        raise ValueError(f"{where}: it needs an upstream, locations, or redirect_https: true")
    if any(MATCHES[each.get("match") or "prefix"].startswith("~") for each in inside):
        # Found once for a request, and before a location's own regular expression, of which it would overwrite $1.
        body.append(f'set $mixed_lb_told "{proxy.TOLD}"')
    for number, location in enumerate(inside):
        more, block = _location({**_inherited(it, location, where), **location}, number, it, context, upstreams)
        maps += more
        body.append(block)
    plain = []
    if it.get("redirect_https"):
        plain = [_to_https(it, where)]
    return [*maps, *([Block("server", body)] if inside or it.get("lines") else []), *plain]


def _inherited(site: Options, location: Options, where: str) -> dict[str, t.Any]:
    """What a location has from its site unless it says otherwise."""
    # One that goes nowhere would show files of this host.
    nowhere = not any(location.get(name) for name in ("upstream", "return", "lines"))
    if nowhere and not site.get("upstream"):
        raise ValueError(f"{where}: the location {location.get('path') or '/'} needs an upstream, return, or lines")
    to = ("upstream", "routes") if nowhere else ()
    names = (
        *to,
        *proxy.TIMES, "next_upstream", "set_headers", "add_headers", "buffers", "buffer_size", "busy_buffers_size",
        "buffering", "request_buffering", "cache", "trusted_proxies", "real_ip_header", "proxy_protocol",
    )  # fmt: skip
    return {name: site[name] for name in names if name in site}


def listen(it: Options, context: Context, where: str, quic: set[str]) -> list[str]:
    """The lines that say where a server listens, and how. ``quic`` has the addresses that HTTP/3 has already."""
    directive = context.version >= versions.HTTP2_DIRECTIVE
    encrypted, http2 = bool(it.get("tls")), bool(it.get("http2", bool(it.get("tls"))))
    words = [
        *(["ssl"] if encrypted else []),
        *(["http2"] if http2 and not directive else []),
        *(["proxy_protocol"] if it.get("proxy_protocol") else []),
        *_default(it),
    ]
    lines = [" ".join(["listen", each, *words]) for each in listeners(it)]
    if it.get("http3"):
        versions.need("HTTP/3", context.version, where)
        if not encrypted:
            raise ValueError(f"{where}: http3 needs tls")
        for each in listeners(it):
            # Each worker needs a socket of its own to get its clients' datagrams; said once an address.
            reuse = [] if each in quic else ["reuseport"]
            quic.add(each)
            lines.append(" ".join(["listen", each, "quic", *reuse, *_default(it)]))
    return [*lines, *(["http2 on"] if http2 and directive else [])]


def _default(it: Options) -> list[str]:
    """A site without domains answers for all that no other one has."""
    return ["default_server"] if it.get("default") or not it.get("domains") else []


def names(it: Options, where: str) -> str:
    """The line with the domains."""
    return "server_name " + (
        " ".join(quoted(each) if each.startswith("~") else word(each, where) for each in it.get("domains") or ()) or "_"
    )


def real_ip(it: Options, context: Context, where: str) -> list[str]:
    """The client's own address, from those who may say it."""
    trusted = it.get("trusted_proxies", context.options.get("trusted_proxies")) or []
    if not trusted:
        return []
    return [
        *(f"set_real_ip_from {word(each, where)}" for each in trusted),
        f"real_ip_header {word(proxy.real_ip_header(it), where)}",
        "real_ip_recursive on",
    ]


def _compression(it: Options) -> list[str]:
    if not it.get("compression"):
        return []
    types = " ".join(it.get("compression_types") or TYPES)
    return ["gzip on", "gzip_vary on", "gzip_proxied any", "gzip_min_length 1000", f"gzip_types {types}"]


def _limits(it: Options, context: Context, where: str) -> list[str]:
    known = {
        name: [each["name"] for each in wanted(context.options.get(name))]
        for name in ("request_limits", "connection_limits")
    }
    lines = []
    for limit in it.get("limit_requests") or ():
        if limit["name"] not in known["request_limits"]:
            raise ValueError(f"{where}: there is no {limit['name']} in nginx_lb_request_limits")
        burst = [f"burst={limit['burst']}"] if limit.get("burst") else []
        # Without it, requests of a burst wait until the rate allows them.
        burst += ["nodelay"] if burst and limit.get("nodelay", True) else []
        lines.append(" ".join([f"limit_req zone={context.label(limit['name'], 'rate')}", *burst]))
    for limit in it.get("limit_connections") or ():
        if limit["name"] not in known["connection_limits"]:
            raise ValueError(f"{where}: there is no {limit['name']} in nginx_lb_connection_limits")
        lines.append(f"limit_conn {context.label(limit['name'], 'connections')} {int(limit['connections'])}")
    return [*(["limit_req_status 429", "limit_conn_status 429"] if lines else []), *lines]


def log(it: Options, context: Context) -> list[str]:
    """The line about the access log."""
    path = it.get("access_log", context.options.get("access_log"))
    return [f"access_log {word(path, 'access_log')} mixed_lb_json"] if path else ["access_log off"]


def _location(
    it: Options, number: int, site: Options, context: Context, upstreams: t.Mapping[str, Options]
) -> tuple[list[Block], Block]:
    path = it.get("path") or "/"
    where = f"site {site['name']}, location {path}"
    head = f"location {MATCHES[it.get('match') or 'prefix']}{quoted(path)}"
    body: list[str | Block] = [
        *_limits(it, context, where),
        *optional(it, {"client_max_body_size": "client_max_body_size"}),
    ]
    maps: list[Block] = []
    targets: list[Options] = []
    if it.get("upstream"):
        maps, to, targets = routes.routes(it, f"{site['name']}_{number}", upstreams, context, where)
        if proxy.protocol_of(targets[0]) in proxy.GRPC and not site.get("http2", bool(site.get("tls"))):
            raise ValueError(f"{where}: gRPC needs http2: true in its site")
        body += proxy.hand_over(it, to, targets[0], context, where)
    body += proxy.headers_out(it, site.get("tls") or {}, targets, context)
    if site.get("http3"):
        port = listeners(site)[0].rpartition(":")[2]
        body.append(f"add_header Alt-Svc 'h3=\":{port}\"; ma=86400' always")
    if it.get("return"):
        body.append(f"return {it['return']}")
    return maps, Block(head, [*body, *raw(it)])


def _to_https(it: Options, where: str) -> Block:
    """A server that sends clients of plain HTTP to where the site is."""
    if not it.get("tls"):
        raise ValueError(f"{where}: redirect_https needs tls")
    port = listeners(it)[0].rpartition(":")[2]
    target = "https://$host" + ("" if port == "443" else f":{port}") + "$request_uri"
    words = [
        *(["proxy_protocol"] if it.get("proxy_protocol") else []),
        *_default(it),
    ]
    lines = [" ".join(["listen", each, *words]) for each in _plain_listeners(it)]
    # 308 keeps the method, unlike 301
    return Block("server", [*lines, names(it, where), f"return 308 {target}"])
