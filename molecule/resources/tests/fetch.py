# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An FTP client: fetches one file in each of some sessions, passively, and prints what happened as JSON.

``python3 fetch.py ADDRESS SESSIONS FILE [extended]``. With ``extended`` also IPv4 asks by EPSV. Each session has
``server`` (who greeted), ``data_host`` (where the data connection was sent to) and ``lines`` (how many lines of the
file came, by their text).
"""

from __future__ import annotations

import collections
import ftplib
import json
import sys


class Client(ftplib.FTP):
    """Remembers where the server sent it for the data."""

    trust_server_pasv_ipv4_address = True
    extended = False
    data_host = ""

    def makepasv(self) -> tuple[str, int]:
        if self.extended:
            self.data_host, port = ftplib.parse229(self.sendcmd("EPSV"), self.sock.getpeername())
        else:
            self.data_host, port = super().makepasv()
        return self.data_host, port


def fetch(address: str, file: str, extended: bool) -> dict[str, object]:
    with Client(address, timeout=10) as client:
        client.extended = extended
        client.login()
        lines: list[str] = []
        client.retrlines(f"RETR {file}", lines.append)
        return {
            "server": str(client.getwelcome()).split()[1],
            "data_host": client.data_host,
            "lines": dict(collections.Counter(lines)),
        }


if __name__ == "__main__":
    host, sessions, name, *words = sys.argv[1:]
    print(json.dumps([fetch(host, name, words == ["extended"]) for _session in range(int(sessions))]))
