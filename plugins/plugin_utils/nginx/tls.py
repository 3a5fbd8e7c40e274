# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS towards clients: Mozilla's intermediate profile (5.7)."""

from __future__ import annotations

from .values import Options, raw, word

PROTOCOLS = "TLSv1.2 TLSv1.3"
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CHACHA20-POLY1305",
)
CURVES = "X25519:prime256v1:secp384r1"


def server_tls(tls: Options, cache: str, where: str) -> list[str]:
    """Lines for a server that ends TLS; ``cache`` names its session cache."""
    for name in ("certificate", "key"):
        if not tls.get(name):
            raise ValueError(f"{where}: tls needs the path of a {name}")
    lines = [
        f"ssl_certificate {word(tls['certificate'], where)}",
        f"ssl_certificate_key {word(tls['key'], where)}",
        f"ssl_protocols {tls.get('protocols') or PROTOCOLS}",
        f"ssl_ciphers {word(tls.get('ciphers') or ':'.join(CIPHERS), where)}",
        # all of them are good, so the client knows best which is fast for it
        "ssl_prefer_server_ciphers off",
        f"ssl_ecdh_curve {word(tls.get('curves') or CURVES, where)}",
        "ssl_session_timeout 1d",
        f"ssl_session_cache shared:{cache}:10m",
        # a ticket key would have to be renewed, and be the same on all hosts
        "ssl_session_tickets off",
    ]
    if tls.get("dhparam"):
        lines.append(f"ssl_dhparam {word(tls['dhparam'], where)}")
    if tls.get("client_ca"):
        lines += [
            f"ssl_client_certificate {word(tls['client_ca'], where)}",
            f"ssl_verify_client {word(tls.get('verify_client') or 'on', where)}",
        ]
    return [*lines, *raw(tls)]


def need_name(tls: Options, where: str) -> None:
    """Refuses to verify servers without a name: nginx would compare that of the upstream, which no certificate is for."""
    if tls.get("ca") and not tls.get("name"):
        raise ValueError(f"{where}: tls to servers with a ca needs a name, which their certificates must be for")


def hsts(tls: Options) -> list[str]:
    """Headers that tell browsers to stay with https; only where asked, for there is no way back."""
    if not tls.get("hsts"):
        return []
    return [f'add_header Strict-Transport-Security "max-age={int(tls["hsts"])}" always']
