# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail: IMAP, POP3 and SMTP, for which an HTTP service says which server a user belongs to."""

from __future__ import annotations

from ..blocks import Block, Items, optional
from . import tls
from .values import Context, Options, named, quoted, raw, switch, time, word


def mails(context: Context) -> Items:
    """All mail proxies."""
    return [_mail(each, context) for each in named(context.options.get("mails"), "nginx_lb_mails")]


def _mail(it: Options, context: Context) -> Block:
    where = f"mail {it['name']}"
    protocol = it["protocol"]
    starttls = it.get("starttls") or "off"
    encrypted = bool(it.get("tls"))
    if starttls != "off" and not encrypted:
        raise ValueError(f"{where}: starttls needs tls")
    if not it.get("listen"):
        raise ValueError(f"{where}: it needs listen, such as ['143']")
    words = [
        *(["ssl"] if encrypted and starttls == "off" else []),
        *(["proxy_protocol"] if it.get("proxy_protocol") else []),
    ]
    body = [
        *(" ".join(["listen", word(each, where), *words]) for each in it["listen"]),
        f"protocol {protocol}",
        f"auth_http {word(it['auth_http'], where)}",
        *(
            f"auth_http_header {word(name, where)} {quoted(value)}"
            for name, value in (it.get("auth_http_headers") or {}).items()
        ),
        *optional(it, {"auth_http_timeout": "auth_http_timeout", "timeout": "timeout"}, time),
        *optional(it, {"server_name": "server_name"}),
        *([f"{protocol}_auth {' '.join(it['auth'])}"] if it.get("auth") else []),
        *(
            [f"{protocol}_capabilities {' '.join(quoted(each) for each in it['capabilities'])}"]
            if it.get("capabilities")
            else []
        ),
        *(tls.server_tls(it["tls"], context.label("tls_mail"), where) if encrypted else []),
        *([f"starttls {starttls}"] if starttls != "off" else []),
        *(
            f"set_real_ip_from {word(each, where)}"
            for each in context.options.get("trusted_proxies") or ()
            if it.get("proxy_protocol")
        ),
        *([f"proxy_protocol {switch(True)}"] if it.get("send_proxy_protocol") else []),
        # the words of the server, not of nginx, tell a client why it was refused
        "proxy_pass_error_message on",
        *raw(it),
    ]
    return Block("server", body)
