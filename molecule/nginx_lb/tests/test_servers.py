# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server may be besides one of many: spare, of little capacity, or one that is spoken to by TLS."""

from __future__ import annotations

import pytest
from edge import Edge, share
from waiting import until
from web import Sites

pytestmark = [pytest.mark.once, pytest.mark.stage("first")]
WAYS = "ways.example"


def test_a_spare_server_serves_while_no_other_one_works(edge: Edge, sites: Sites) -> None:
    """Nobody notices that the other one dies; when it is back, nginx tries it again by itself."""
    assert share(edge.ask(WAYS, "/spare/", count=6)) == {"web1": 6}
    sites["web1"].stop()
    assert share(edge.ask(WAYS, "/spare/", count=6)) == {"web2": 6}
    sites["web1"].start()
    until(lambda: share(edge.ask(WAYS, "/spare/", count=6)), {"web1": 6}, "web1 is tried again")


def test_who_has_his_hands_full_gets_no_more(edge: Edge) -> None:
    """It would get nearly all; with a connection that stays it gets none."""
    with edge.connected() as connection:
        connection.upgrade(WAYS, "/few/")
        assert connection.echo("a") == "web1"
        assert share(edge.ask(WAYS, "/few/", count=6)) == {"web2": 6}


def test_servers_are_spoken_to_by_tls(edge: Edge) -> None:
    """From sites and streams, and only with the certificate that is expected of them."""
    assert share(edge.ask(WAYS, "/inner/", count=2)) == {"web1": 2}
    assert edge.get(WAYS, "/wrong/")["status"] == 502
    answer = edge.get("shop.example", port=9443, tls=edge.trusts("shop", "shop.example"))
    assert (answer["subject"], answer["said"]["server"]) == ("shop.example", "web1")
