# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of nginx: the main one, which all scopes share, and those of a scope."""

from __future__ import annotations

import typing as t

from ..blocks import Block, Items, render, wanted
from . import checks, mails, pools, redirects, sites, streams, upstreams, versions
from .values import Context, Options, named, quoted, raw, time, word

FOLDER = "/etc/nginx/mixed_lb"
HEAD = "# Written by mixed_lb.stack, role nginx_lb. Changes made here are lost."
DROP_IN = "/etc/systemd/system/nginx.service.d/mixed_lb.conf"
RESTART = f"""{HEAD}
# Debian's unit leaves an nginx that has died dead: two of them, and a pair serves nobody.
[Unit]
StartLimitIntervalSec=0
[Service]
Restart=on-failure
RestartSec=1
"""
NOTE = "The files here say which servers are up. The role nginx_lb begins them, its checker goes on with them.\n"
LOG = {
    "time": "$time_iso8601",
    "client": "$remote_addr",
    "client_port": "$remote_port",
    "method": "$request_method",
    "host": "$host",
    "uri": "$request_uri",
    "protocol": "$server_protocol",
    "status": "$status",
    "bytes_sent": "$bytes_sent",
    "request_length": "$request_length",
    "request_time": "$request_time",
    "upstream": "$upstream_addr",
    "upstream_status": "$upstream_status",
    "upstream_connect_time": "$upstream_connect_time",
    "upstream_header_time": "$upstream_header_time",
    "upstream_response_time": "$upstream_response_time",
    "cache": "$upstream_cache_status",
    "tls_protocol": "$ssl_protocol",
    "tls_cipher": "$ssl_cipher",
    "tls_name": "$ssl_server_name",
    "user_agent": "$http_user_agent",
    "referer": "$http_referer",
    "forwarded_for": "$http_x_forwarded_for",
    "request_id": "$request_id",
}


def nginx_files(options: Options, version: str) -> dict[str, list[dict[str, t.Any]]]:
    """The lists ``files`` and ``secret_files`` of a scope for ``daemon_config``.

    ``options`` are the variables of the role without ``nginx_lb_``; ``version`` is that of nginx or its package.
    """
    context = Context(options, versions.parsed(version))
    groups = _groups(options)
    shared = {"/etc/nginx/nginx.conf": _main(options, context), DROP_IN: RESTART}
    files = {f"{FOLDER}/http/{context.scope}.conf": _http(context, groups)}
    secret = {}
    # One a host: the first scope that has streams or mail brings it, the last one takes it along.
    if wanted(options.get("streams")):
        shared[f"{FOLDER}/main/stream.conf"] = render([HEAD, *streams.main()], ";")
        files[f"{FOLDER}/stream/{context.scope}.conf"] = _stream(context, groups)
    if wanted(options.get("mails")):
        shared[f"{FOLDER}/main/mail.conf"] = render([HEAD, Block("mail", [f"include {FOLDER}/mail/*.conf"])], ";")
        secret[f"{FOLDER}/mail/{context.scope}.conf"] = _mail(context)
    kept = {pool.file: pools.text(pool, pools.taken_out(pool, [])) for pool, _check, _it in _checked(context, groups)}
    return {
        "files": [
            *({"path": path, "content": content, "shared": True} for path, content in shared.items()),
            *({"path": path, "content": content} for path, content in files.items()),
            # what the checker has said of a server outlives every run of the role
            *({"path": path, "content": content, "keep": True} for path, content in kept.items()),
            # The checker may write in this folder only, so it must stay the same one when all other files in it go.
            *([{"path": f"{upstreams.FOLDER}/{context.scope}/README", "content": NOTE}] if kept else []),
        ],
        "secret_files": [{"path": path, "content": content} for path, content in secret.items()],
    }


def nginx_checks(options: Options, version: str) -> str:
    """What the checker of a scope is told; empty where nothing is to be checked."""
    context = Context(options, versions.parsed(version))
    found = _checked(context, _groups(options))
    return checks.checks(context, found, "@generation@") if found else ""


def nginx_checker_unit(scope: str) -> str:
    """The unit that runs the checker of a scope."""
    return checks.unit(scope)


def _groups(options: Options) -> dict[str, Options]:
    return {str(each["name"]): each for each in named(options.get("upstreams"), "nginx_lb_upstreams")}


def _checked(context: Context, groups: t.Mapping[str, Options]) -> list[tuple[pools.Pool, Options, Options]]:
    """The pools that the checker looks after, each with its check and what it is of."""
    return [
        *(
            (upstreams.pool(each, kind, context), each["check"], each)
            for name, each in groups.items()
            if each.get("check") is not None
            for kind in kinds(name, context)
        ),
        *(
            (redirects.pool(each, context), each["check"], each)
            for each in named(context.options.get("redirects"), "nginx_lb_redirects")
            if each.get("check") is not None
        ),
    ]


def kinds(name: str, context: Context) -> list[str]:
    """Where an upstream is used: in http, in stream, or in both. One that nobody uses is in http."""
    used = [kind for kind, names in (("http", sites.used(context)), ("stream", streams.used(context))) if name in names]
    return used or ["http"]


def _main(options: Options, context: Context) -> str:
    log = ", ".join(f'"{name}": "{variable}"' for name, variable in LOG.items())
    http: list[str | Block] = [
        "include /etc/nginx/mime.types",
        "default_type application/octet-stream",
        "sendfile on",
        "tcp_nopush on",
        "server_tokens off",
        # long and many names fit
        "server_names_hash_bucket_size 128",
        "server_names_hash_max_size 8192",
        "map_hash_bucket_size 256",
        "types_hash_max_size 2048",
        "variables_hash_max_size 4096",
        "proxy_headers_hash_bucket_size 128",
        f"log_format mixed_lb_json escape=json '{{{log}}}'",
        "access_log /var/log/nginx/access.log mixed_lb_json",
        # Connections to servers stay open for others, but for websockets. Another protocol, as h2c, would be a way past all rules.
        Block("map $http_upgrade $mixed_lb_upgrade", ['default ""', "websocket websocket"]),
        Block("map $http_upgrade $mixed_lb_connection", ['default ""', "websocket upgrade"]),
        # The host that nginx has chosen the site by, not what a client says beside it, and the port that it came to.
        Block("map $http_host $mixed_lb_host", ["default $host", '"~(:[0-9]+)$" $host$1']),
        # Only where a trusted proxy has said who the client is do the two addresses differ: then it is passed on.
        Block(
            'map "$remote_addr $realip_remote_addr" $mixed_lb_forwarded_for',
            [r'"~^(.+) \1$" $remote_addr', 'default "$http_x_forwarded_for, $realip_remote_addr"'],
        ),
        # So is the scheme by which the client came to that proxy. The port there is not known, and that of this host another one.
        Block(
            'map "$remote_addr $realip_remote_addr $http_x_forwarded_proto" $mixed_lb_forwarded_proto',
            ["default $scheme", r'"~^(\S+) (?!\1 )\S+ ([a-z]+)$" $2'],
        ),
        Block(
            'map "$remote_addr $realip_remote_addr" $mixed_lb_forwarded_port',
            [r'"~^(.+) \1$" $server_port', 'default ""'],
        ),
        *raw(options, "global_http_lines"),
        f"include {FOLDER}/http/*.conf",
        "include /etc/nginx/conf.d/*.conf",
    ]
    if context.version >= versions.KEEPALIVE_MIN_TIMEOUT:
        http.insert(2, "keepalive_min_timeout 1s")
    items: Items = [
        HEAD,
        "user www-data",
        f"worker_processes {options['worker_processes']}",
        f"worker_rlimit_nofile {options['worker_rlimit_nofile']}",
        f"worker_shutdown_timeout {time(options['worker_shutdown_timeout'])}",
        "pid /run/nginx.pid",
        f"error_log {word(options['error_log'], 'nginx_lb_error_log')} {word(options['error_log_level'], 'nginx_lb_error_log_level')}",
        "include /etc/nginx/modules-enabled/*.conf",
        *raw(options, "global_lines"),
        Block(
            "events",
            [f"worker_connections {options['worker_connections']}", *raw(options, "global_events_lines")],
        ),
        Block("http", http),
        f"include {FOLDER}/main/*.conf",
    ]
    return render(items, ";")


def _http(context: Context, groups: t.Mapping[str, Options]) -> str:
    options = context.options
    items: list[str | Block] = [f"{HEAD} Scope {context.scope}.", *_zones(context)]
    for name, each in groups.items():
        if "http" in kinds(name, context):
            items += [*upstreams.session_maps(each, context), *upstreams.upstream(each, "http", context)]
    items += [
        _status(context),
        *sites.sites(context, groups),
        *redirects.redirects(context),
        *raw(options, "http_lines"),
    ]
    return render(items, ";")


def _stream(context: Context, groups: t.Mapping[str, Options]) -> str:
    items: list[str | Block] = [f"{HEAD} Scope {context.scope}."]
    for name, each in groups.items():
        if "stream" in kinds(name, context):
            items += upstreams.upstream(each, "stream", context)
    return render([*items, *streams.streams(context, groups), *raw(context.options, "stream_lines")], ";")


def _mail(context: Context) -> str:
    items = [f"{HEAD} Scope {context.scope}.", *mails.mails(context), *raw(context.options, "mail_lines")]
    return render(items, ";")


def _zones(context: Context) -> list[str]:
    options = context.options
    lines = []
    for cache in named(options.get("caches"), "nginx_lb_caches"):
        where = f"cache {cache['name']}"
        path = word(cache.get("path") or f"/var/cache/nginx_lb_{context.scope}_{cache['name']}", where)
        zone = f"keys_zone={context.label(cache['name'], 'cache')}:{word(cache.get('keys_size') or '10m', where)}"
        limits = f"max_size={word(cache.get('max_size') or '1g', where)} inactive={time(cache.get('inactive') or '1h')}"
        lines.append(f"proxy_cache_path {path} levels=1:2 {zone} {limits} use_temp_path=off")
    for limit in named(options.get("request_limits"), "nginx_lb_request_limits"):
        key, size = (
            limit.get("key") or "$binary_remote_addr",
            word(limit.get("size") or "10m", "nginx_lb_request_limits"),
        )
        rate = word(limit["rate"], "nginx_lb_request_limits")
        lines.append(
            f"limit_req_zone {word(key, 'nginx_lb_request_limits')} zone={context.label(limit['name'], 'rate')}:{size} rate={rate}"
        )
    for limit in named(options.get("connection_limits"), "nginx_lb_connection_limits"):
        key, size = (
            limit.get("key") or "$binary_remote_addr",
            word(limit.get("size") or "10m", "nginx_lb_connection_limits"),
        )
        lines.append(
            f"limit_conn_zone {word(key, 'nginx_lb_connection_limits')} zone={context.label(limit['name'], 'connections')}:{size}"
        )
    return lines


def _status(context: Context) -> Block:
    """Says which configuration runs, and counts connections. All scopes share the address, and differ by name."""
    listen = word(context.options["status_listen"], "nginx_lb_status_listen")
    return Block(
        "server",
        [
            f"listen {listen}",
            f"server_name {status_name(context.scope)}",
            "access_log off",
            "default_type text/plain",
            Block("location = /status", ["stub_status"]),
            Block("location = /generation", [f"return 200 {quoted('@generation@')}"]),
        ],
    )


def status_name(scope: str) -> str:
    """The name that the status page of a scope is asked by."""
    return f"{scope}.nginx-lb.invalid"
