# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else clients, servers and administrators get: streams, the log, the status page."""

from __future__ import annotations

import json
import shlex
import uuid

import pytest
from edge import CLIENT, Edge, share

from lab import client

ALL = {"web1", "web2", "web3"}
DATAGRAMS = 12


def test_plain_http_is_sent_to_tls(edge: Edge) -> None:
    """With path and query, and with the method."""
    answer = edge.get("shop.example", "/a?b=c", method="POST", body="order")
    assert (answer["status"], answer["headers"]["location"]) == (308, "https://shop.example/a?b=c")


@pytest.mark.stage("first")
def test_stream_by_tcp(edge: Edge) -> None:
    """Connections are balanced by weight; the server sees the proxy, unless that announces the client."""
    assert share(edge.ask(port=9000, count=8)) == {"web1": 2, "web2": 4, "web3": 2}
    told = edge.get(port=9001)["said"]
    assert told["proxy"].split()[:3] == ["PROXY", "TCP4", CLIENT]
    assert told["peer"].startswith("192.0.2.1")


def test_stream_by_udp(edge: Edge) -> None:
    """Each datagram is answered, and they are spread over all servers."""
    answers = client.ask(edge.lab, "udp", edge.address, 9000, DATAGRAMS)
    assert [answer.get("server") for answer in answers].count(None) == 0, answers
    assert {answer["server"] for answer in answers} == ALL


def test_tls_is_passed_through_by_name(edge: Edge) -> None:
    """Clients meet the certificates of the servers; a name that nobody takes is refused."""
    for name, server in (("one.example", "web1"), ("a.two.example", "web2")):
        answer = edge.get(name, port=8443, tls=edge.trusts(server, name))
        assert (answer["subject"], answer["said"]["server"]) == (name, server)
    (nobody,) = edge.ask("three.example", port=8443, tls=edge.trusts("web1", "three.example"), all_answered=False)
    assert "error" in nobody and "certificate" not in nobody["error"].lower(), nobody


def test_the_log_says_who_did_what_and_how_long(edge: Edge) -> None:
    mark = uuid.uuid4().hex
    server = edge.get(path=f"/{mark}", headers={"User-Agent": 'quotes " and \\'})["said"]["server"]
    line = json.loads(edge.run(f"grep {mark} /var/log/nginx/access.log"))
    assert (line["client"], line["method"], line["host"], line["status"]) == (CLIENT, "GET", "lab", "200")
    assert (line["upstream"], line["upstream_status"]) == (f"192.0.2.2{server[-1]}:8080", "200")
    assert line["user_agent"] == 'quotes " and \\'
    for name in ("request_time", "upstream_connect_time", "upstream_header_time", "upstream_response_time"):
        assert 0 <= float(line[name]) < 10, (name, line)
    assert len(line["request_id"]) == 32


def test_the_status_page_is_for_the_host_itself(edge: Edge) -> None:
    ask = 'printf "GET /status HTTP/1.0\\r\\nHost: edge.nginx-lb.invalid\\r\\n\\r\\n" >&3; cat <&3'
    page = f"bash -c {shlex.quote(f'exec 3<>/dev/tcp/127.0.0.1/8090; {ask}')}"
    assert "Active connections:" in edge.run(page)
    (refused,) = edge.ask("edge.nginx-lb.invalid", "/status", port=8090, all_answered=False)
    assert "refused" in refused["error"], refused
    assert "Active connections" not in edge.get("edge.nginx-lb.invalid", "/status")["text"]
