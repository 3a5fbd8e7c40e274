# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Save drain, weights, maintenance and health of HAProxy's servers, for the process that comes next.

Written by mixed_lb.stack, role haproxy. Arguments: the socket, and the file to write.

The configuration may have changed in between, and some of what it says must win over the saved state, which HAProxy
believes more than its configuration:
- the ports of servers: a new one would never come into force;
- servers that have no check any more: one that was down would stay so for ever;
- servers that were disabled in the configuration: one that is not any more would stay down.
"""

from __future__ import annotations

import os
import pathlib
import re
import socket
import sys
import typing

TIMEOUT = 10
CONFIGURATION = ("/etc/haproxy/haproxy.cfg", "/etc/haproxy/mixed_lb")
NAME, SERVER, OPERATION, ADMIN, PORT = 1, 3, 5, 6, 18
FIELDS = 20
RUNNING = "2"
# In maintenance, as the configuration said.
DISABLED = 0x01 | 0x04
CHECKS = {"check", "agent-check", "track"}


class Server(typing.NamedTuple):
    """A server as the configuration has it; port 0 is that of the client."""

    port: str
    checked: bool


def configured(texts: list[str]) -> dict[tuple[str, str], Server]:
    """The servers in the texts of the configuration, by backend and name."""
    servers = {}
    for text in texts:
        backend = None
        for line in text.splitlines():
            words = line.split()
            if line[:1].strip() and len(words) > 1 and not line.startswith("#"):
                backend = words[1] if words[0] in ("backend", "listen") else None
            elif backend and words[:1] == ["server"] and len(words) > 2:
                found = re.search(r"(?:^|[^:]|\]):\+?(\d+)$", words[2])
                checked = bool(CHECKS & set(words[3:]))
                servers[backend, words[1].strip('"')] = Server(found[1] if found else "0", checked)
    return servers


def carried(state: str, servers: dict[tuple[str, str], Server]) -> str:
    """What the next process shall know of the servers that it will have."""
    kept = []
    for line in state.splitlines():
        fields = line.split()
        if line.startswith("#") or fields == ["1"]:
            kept.append(line)
            continue
        server = servers.get((fields[NAME], fields[SERVER])) if len(fields) >= FIELDS else None
        if server is None or int(fields[ADMIN]) & DISABLED == DISABLED:
            continue
        fields[PORT] = server.port
        if not server.checked:
            fields[OPERATION] = RUNNING
        kept.append(" ".join(fields))
    return "\n".join(kept) + "\n"


def asked(path: str, question: str) -> str:
    """The answer over HAProxy's socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect(path)
        connection.sendall(f"{question}\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


def configuration() -> list[str]:
    """The texts of all files that HAProxy reads."""
    places = [pathlib.Path(place) for place in CONFIGURATION]
    files = [file for place in places for file in (sorted(place.glob("*.cfg")) if place.is_dir() else [place])]
    return [file.read_text() for file in files if file.is_file()]


def main(path: str, file: str) -> None:
    state = asked(path, "show servers state")
    if not state.startswith("1\n"):
        sys.exit(f"{path}: not the state of servers: {state[:100]!r}")
    text = carried(state, configured(configuration()))
    beside = pathlib.Path(f"{file}.new")
    beside.write_text(text)
    os.replace(beside, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
