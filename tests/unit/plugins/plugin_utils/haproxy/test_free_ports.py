# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that finds out where HAProxy could not listen, on real sockets."""

from __future__ import annotations

import runpy
import socket
from pathlib import Path

import pytest

ROLE = Path(__file__).resolve().parents[5] / "roles" / "haproxy"
PROGRAM = runpy.run_path(str(ROLE / "files" / "free_ports.py"))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("bind *:80", [("0.0.0.0", 80, True)]),
        ("    bind :80 accept-proxy", [("0.0.0.0", 80, True)]),
        ("bind [::]:443 v4v6 ssl crt /a:1.pem", [("::", 443, False)]),
        ("bind :::443", [("::", 443, True)]),
        ("bind [2001:db8::1]:25,192.0.2.1:25", [("2001:db8::1", 25, True), ("192.0.2.1", 25, True)]),
        ("bind ipv4@192.0.2.1:7000-7002", [("192.0.2.1", port, True) for port in (7000, 7001, 7002)]),
        ("bind /run/shop.sock", []),
        ("bind unix@/run/shop:80", []),
        ("bind quic4@:443", []),
        ("server web 192.0.2.21:80", []),
        ("# bind *:80", []),
    ],
)
def test_places(line: str, wanted: list[tuple[str, int, bool]]) -> None:
    assert PROGRAM["places"](f"frontend www\n{line}\n") == wanted


def test_a_taken_port_is_told_and_a_shared_one_is_not(tmp_path: Path) -> None:
    """HAProxy's own sockets have SO_REUSEPORT; those of others have not."""
    for shares, wanted in ((False, 1), (True, 0)):
        with socket.socket() as other:
            if shares:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            (tmp_path / "app.cfg").write_text(f"frontend www\n    bind 127.0.0.1:{port}\n")
            (tmp_path / "notes").write_text("bind 127.0.0.1:1\n")
            found = PROGRAM["main"]([str(tmp_path), str(tmp_path / "absent.cfg")])
            assert len(found) == wanted
            assert all(f"port {port} of 127.0.0.1" in line for line in found)


def test_an_address_that_is_not_here_yet_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text("frontend www\n    bind 192.0.2.111:8080\n")
    assert PROGRAM["main"]([str(file)]) == []
