# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail: an HTTP service says which server a user belongs to, and nginx takes the client there."""

from __future__ import annotations

import typing as t

import pytest
from edge import CLIENT, Edge
from programs import serving

from lab.cluster import Lab
from lab.mail import PORTS

pytestmark = pytest.mark.stage("first")
HOST, PASSWORD, KEY = "web2", "secret", "of the lab"
LOGIN_DENIED = 67
MESSAGE = ["--mail-from", "a@shop.example", "--mail-rcpt", "b@shop.example", "--upload-file", __file__]
WORDS = {
    "imap": ["imap://shop.example/"],
    "pop3": ["pop3://shop.example/1"],
    "smtp": ["smtp://shop.example/client.example", "--verbose", *MESSAGE],
}
TLS = "--ssl-reqd"


@pytest.fixture(scope="module", autouse=True)
def _mail(lab: Lab) -> t.Iterator[None]:
    """The server and the service."""
    with serving(lab, HOST, "mail.py", PASSWORD, KEY):
        yield


@pytest.mark.parametrize("protocol", PORTS)
def test_users_meet_their_server(edge: Edge, protocol: str) -> None:
    """With their password; and by SMTP the server learns who the client is."""
    words = [*WORDS[protocol], *([TLS] if protocol == "smtp" else [])]
    met = edge.curl(PORTS[protocol], "--user", f"ann:{PASSWORD}", *words)
    assert met.returncode == 0 and f"{HOST} serves ann" in met.stdout + met.stderr, met
    if protocol == "smtp":
        assert f"{HOST} serves ann at {CLIENT}" in met.stderr
    denied = edge.curl(PORTS[protocol], "--user", "ann:guessed", *words)
    assert denied.returncode == LOGIN_DENIED, denied


def test_nobody_logs_in_in_plain_text_where_tls_is_a_must(edge: Edge) -> None:
    """They are not offered to, and without it their mail is not taken."""
    said = edge.curl(PORTS["smtp"], "--user", f"ann:{PASSWORD}", *WORDS["smtp"]).stderr
    assert "250 STARTTLS" in said and "AUTH" not in said and "530 5.7.1" in said, said
