# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that shows all of an answer: reads a list of requests as JSON, and prints their answers as JSON.

A request has ``address`` and ``port``, and may have ``path``, ``method``, ``headers``, ``body``, ``source`` (the
client's address), ``timeout`` (seconds without a byte), ``proxy`` (a line of the PROXY protocol to begin with), and
``tls``: ``{"name": ..., "ca": FILE, "alpn": [...]}``. Each has a connection of its own. An answer has ``status``, ``headers`` (names in lower case),
``cookies`` (as in Set-Cookie), ``text``, ``said`` (the text as JSON, where it is) and with TLS ``protocol`` (by ALPN)
and ``subject`` (the certificate's name); or it has ``error``.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import typing as t

TIMEOUT = 10
Request = dict[str, t.Any]


def browse(request: Request) -> dict[str, t.Any]:
    """One request in a connection of its own."""
    try:
        return _browse(request)
    except (OSError, http.client.HTTPException) as error:
        return {"error": str(error) or type(error).__name__}


def _browse(request: Request) -> dict[str, t.Any]:
    where = (request["address"], request["port"])
    source = (request["source"], 0) if "source" in request else None
    found: dict[str, t.Any] = {}
    with socket.create_connection(where, request.get("timeout", TIMEOUT), source) as plain:
        if "proxy" in request:
            plain.sendall(request["proxy"].encode() + b"\r\n")
        sock = _encrypted(plain, request["tls"], found) if "tls" in request else plain
        connection = http.client.HTTPConnection(*where)
        connection.sock = sock
        headers = {"Host": "lab", "Connection": "close", **request.get("headers", {})}
        connection.request(request.get("method", "GET"), request.get("path", "/"), request.get("body"), headers)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        sock.close()
    return {
        **found,
        "status": response.status,
        "headers": {name.lower(): value for name, value in response.getheaders()},
        "cookies": response.headers.get_all("Set-Cookie", []),
        "text": text,
        "said": json.loads(text) if text.startswith("{") else {},
    }


def _encrypted(plain: socket.socket, tls: dict[str, t.Any], found: dict[str, t.Any]) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=tls["ca"])
    context.set_alpn_protocols(tls.get("alpn", []))
    sock = context.wrap_socket(plain, server_hostname=tls["name"])
    certificate = t.cast(dict[str, t.Any], sock.getpeercert())
    found |= {"protocol": sock.selected_alpn_protocol(), "version": sock.version()}
    found["subject"] = dict(pair for rdn in certificate["subject"] for pair in rdn)["commonName"]
    return sock


if __name__ == "__main__":
    print(json.dumps([browse(request) for request in json.load(sys.stdin)]))
