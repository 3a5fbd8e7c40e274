# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS: the certificate by name, the protocol by ALPN, and clients with certificates."""

from __future__ import annotations

import json

import pytest
from edge import BALANCERS, Edge, tls

NO_ANSWER = "\n0\n"

pytestmark = [pytest.mark.stage("first"), pytest.mark.usefixtures("sites")]


@pytest.mark.parametrize("balancer", BALANCERS)
def test_certificate_and_protocol_by_name(edge: Edge, balancer: str) -> None:
    """Each site has its certificate; one of them speaks HTTP/1.1 only; a name that is none is refused."""
    for site, protocol in (("shop.example", "2"), ("blog.example", "1.1")):
        done = edge.curl(balancer, site, 443)
        assert done.returncode == 0, done.stderr
        body, _newline, version = done.stdout.strip().rpartition("\n")
        assert version == protocol
        assert json.loads(body)["headers"]["x-forwarded-proto"] == "https"
    assert "unrecognized name" in edge.curl(balancer, "else.example", 443, ca="shop.example").stderr
    assert edge.curl(balancer, "blog.example", 443, ca="shop.example").returncode == 60


def test_old_protocols_are_refused(edge: Edge) -> None:
    done = edge.curl("edge1", "shop.example", 443, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")
    assert done.returncode == 35, done


def test_client_certificate(edge: Edge) -> None:
    """The server learns whose it is; without one, or with a stranger's, there is no answer."""
    with_partner, with_stranger = (
        ["--cert", tls(f"{name}.pem"), "--key", tls(f"{name}.key")] for name in ("partner", "stranger")
    )
    done = edge.curl("edge2", "shop.example", 8443, *with_partner)
    assert json.loads(done.stdout.strip().rpartition("\n")[0])["headers"]["x-partner"] == "partner", done.stderr
    for words in ([], with_stranger):
        refused = edge.curl("edge2", "shop.example", 8443, *words)
        # the refusal comes after the handshake: the client reads an alert, or finds the connection closed
        assert refused.returncode in (35, 55, 56) and refused.stdout == NO_ANSWER, refused
