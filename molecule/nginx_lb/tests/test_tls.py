# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over TLS: what clients agree on with nginx, gRPC, and that HTTP/3 is there where the version has it."""

from __future__ import annotations

import collections
import contextlib
import json
import re
import shlex
import sys

import pytest
from edge import Edge
from frame import PROJECT, SCENARIO
from programs import serving

CALLS = 4
QUIC = PROJECT / "molecule" / SCENARIO / "tests" / "quic.py"
VERSION_1 = 1
HTTP3 = {"edge1": False, "edge2": True}
TOO_OLD = 35


def test_tls_with_http_2(edge: Edge) -> None:
    """The site's own certificate, HTTP/2 for who can, HTTP/1.1 for the others, and no TLS below 1.2."""
    answer = edge.get("shop.example", port=443, tls=edge.trusts("shop", "shop.example", alpn=["http/1.1"]))
    assert (answer["status"], answer["protocol"], answer["subject"]) == (200, "http/1.1", "shop.example")
    assert answer["said"]["headers"]["x-forwarded-proto"] == "https"
    assert answer["headers"]["strict-transport-security"] == "max-age=3600"
    said = edge.curl(443, "--http2", "--write-out", " %{http_version} %{http_code}", "https://shop.example/by-2")
    body, version, status = said.stdout.rsplit(" ", 2)
    assert (version, status, json.loads(body)["path"]) == ("2", "200", "/by-2")
    old = edge.curl(443, "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0", "https://shop.example/")
    assert old.returncode == TOO_OLD, old


@pytest.mark.stage("first")
def test_calls_by_grpc_are_balanced(edge: Edge) -> None:
    """By HTTP/2 on both sides, with the trailers that say how a call went."""
    words = ["--http2", "--data-binary", "@-", "--dump-header", "-", "--header", "Content-Type: application/grpc"]
    with contextlib.ExitStack() as stack:
        for host in ("web1", "web2"):
            stack.enter_context(serving(edge.lab, host, "rpc.py"))
        done = [
            edge.curl(443, *words, "https://shop.example/lab.Rpc/Say", text="\0\0\0\0\2hi") for _call in range(CALLS)
        ]
    for each in done:
        assert each.returncode == 0 and each.stdout.startswith("HTTP/2 200"), each
        assert each.stdout.splitlines()[-1] == "grpc-status: 0", each
    said = re.findall(r"(web\d) /lab.Rpc/Say 7\n", "".join(each.stdout for each in done))
    assert collections.Counter(said) == {"web1": CALLS // 2, "web2": CALLS // 2}


@pytest.mark.stage("first")
def test_http_3_is_there_where_nginx_has_it(edge: Edge) -> None:
    """Clients are told of it by TCP, and QUIC is answered."""
    answer = edge.get("shop.example", port=443, tls=edge.trusts("shop", "shop.example"))
    assert ("alt-svc" in answer["headers"]) == HTTP3[edge.name]
    spoken = edge.lab.run("client", shlex.join([sys.executable, str(QUIC), edge.address, "443"])).split()
    assert (str(VERSION_1) in spoken) == HTTP3[edge.name], spoken
