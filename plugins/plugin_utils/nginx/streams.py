# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams: TCP and UDP, by address or by the name that a TLS client asks for."""

from __future__ import annotations

import typing as t

from ..blocks import Block, Items, optional, wanted
from . import tls
from .routes import find
from .upstreams import group
from .values import Context, Options, named, quoted, raw, time, word

TIMES = {"connect_timeout": "proxy_connect_timeout", "idle_timeout": "proxy_timeout"}
DATAGRAMS = {"responses": "proxy_responses", "requests": "proxy_requests"}
# What a name is handed to when no upstream takes it: nothing listens there, so the client is refused.
NOBODY = "127.0.0.1:1"


def used(context: Context) -> set[str]:
    """The names of the upstreams that streams hand connections to."""
    names: set[str] = set()
    for stream in wanted(context.options.get("streams")):
        names |= {str(each["upstream"]) for each in (stream, *wanted(stream.get("names"))) if each.get("upstream")}
    return names


def streams(context: Context, upstreams: t.Mapping[str, Options]) -> Items:
    """All streams, with the maps that they need."""
    blocks: list[str | Block] = []
    for each in named(context.options.get("streams"), "nginx_lb_streams"):
        blocks += _stream(each, context, upstreams)
    return blocks


def _stream(it: Options, context: Context, upstreams: t.Mapping[str, Options]) -> list[str | Block]:
    where = f"stream {it['name']}"
    udp = it.get("protocol") == "udp"
    _possible(it, udp=udp, where=where)
    names = wanted(it.get("names"))
    for each in (*names, *([it] if it.get("upstream") else [])):
        find(each["upstream"], upstreams, where)
    blocks: list[str | Block] = []
    to = group(it["upstream"], context) if it.get("upstream") else NOBODY
    if names:
        variable = context.label(it["name"], "upstream")
        blocks.append(
            Block(
                f"map $ssl_preread_server_name ${variable}",
                [
                    "hostnames",
                    f"default {to}",
                    *(
                        f"{_name(name, where)} {group(each['upstream'], context)}"
                        for each in names
                        for name in each["names"]
                    ),
                ],
            )
        )
        to = f"${variable}"
    words = [
        *(["udp"] if udp else []),
        *(["ssl"] if it.get("tls") else []),
        *(["proxy_protocol"] if it.get("proxy_protocol") else []),
        # the datagrams of one client belong to one worker
        *(["reuseport"] if udp else []),
    ]
    body = [
        *(" ".join(["listen", word(each, where), *words]) for each in it["listen"]),
        *(tls.server_tls(it["tls"], context.label("tls_stream"), where) if it.get("tls") else []),
        *(["ssl_preread on"] if names else []),
        *(f"set_real_ip_from {word(each, where)}" for each in _trusted(it, context)),
        f"proxy_pass {to}",
        *(["proxy_protocol on"] if it.get("send_proxy_protocol") else []),
        *optional({name: it.get(name, context.options.get(name)) for name in TIMES}, TIMES, time),
        *optional(it, DATAGRAMS),
        *_encryption(it, where),
        "proxy_next_upstream on",
        f"proxy_next_upstream_tries {int(it.get('tries', 2))}",
        *_log(it, context),
        *raw(it),
    ]
    return [*blocks, Block("server", body)]


def _possible(it: Options, *, udp: bool, where: str) -> None:
    if not it.get("listen"):
        raise ValueError(f"{where}: it needs listen, such as ['3306']")
    if not it.get("upstream") and not wanted(it.get("names")):
        raise ValueError(f"{where}: it needs an upstream or names")
    if udp and (it.get("tls") or it.get("names") or it.get("upstream_tls")):
        raise ValueError(f"{where}: udp has neither tls nor names")
    if udp and it.get("proxy_protocol"):
        raise ValueError(f"{where}: nginx reads the PROXY protocol from TCP only")
    if it.get("tls") and it.get("names"):
        raise ValueError(f"{where}: names are read from TLS that is passed through, and tls ends it; leave one out")


def _name(name: str, where: str) -> str:
    return quoted(name) if name.startswith("~") else word(name, where)


def _trusted(it: Options, context: Context) -> list[str]:
    """Only who is trusted may say who the client is."""
    return list(context.options.get("trusted_proxies") or ()) if it.get("proxy_protocol") else []


def _encryption(it: Options, where: str) -> list[str]:
    towards = it.get("upstream_tls")
    if not towards:
        return []
    tls.need_name(towards, where)
    lines = ["proxy_ssl on", "proxy_ssl_server_name on", *optional(towards, {"name": "proxy_ssl_name"})]
    if towards.get("ca"):
        lines += ["proxy_ssl_verify on", f"proxy_ssl_trusted_certificate {word(towards['ca'], where)}"]
    return lines


def _log(it: Options, context: Context) -> list[str]:
    path = it.get("access_log", context.options.get("stream_access_log"))
    return [f"access_log {word(path, 'access_log')} mixed_lb_json"] if path else ["access_log off"]


LOG = {
    "time": "$time_iso8601",
    "client": "$remote_addr",
    "client_port": "$remote_port",
    "protocol": "$protocol",
    "port": "$server_port",
    "status": "$status",
    "bytes_sent": "$bytes_sent",
    "bytes_received": "$bytes_received",
    "session_time": "$session_time",
    "upstream": "$upstream_addr",
    "upstream_connect_time": "$upstream_connect_time",
    "upstream_bytes_sent": "$upstream_bytes_sent",
    "upstream_bytes_received": "$upstream_bytes_received",
    "tls_name": "$ssl_preread_server_name",
}


def main() -> list[str | Block]:
    """The block that includes the streams of all scopes."""
    log = ", ".join(f'"{name}": {quoted(variable)}' for name, variable in LOG.items())
    return [
        Block(
            "stream",
            [
                "variables_hash_max_size 4096",
                "map_hash_bucket_size 128",
                f"log_format mixed_lb_json escape=json '{{{log}}}'",
                "include /etc/nginx/mixed_lb/stream/*.conf",
            ],
        )
    ]
