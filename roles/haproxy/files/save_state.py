#!/usr/bin/python3
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Save drain, weights, maintenance and health of HAProxy's servers, for the process that comes next.

Written by mixed_lb.stack, role haproxy. Arguments: the socket, and the file to write.

HAProxy takes a server's port from the saved state, not from its configuration: without care a new port would never come
into force. So the ports in the configuration replace those in the state; a server that is not in it is left out.
"""

from __future__ import annotations

import os
import pathlib
import re
import socket
import sys

TIMEOUT = 10
CONFIGURATION = ("/etc/haproxy/haproxy.cfg", "/etc/haproxy/mixed_lb")
NAME, SERVER, PORT = 1, 3, 18
FIELDS = 20


def configured_ports(texts: list[str]) -> dict[tuple[str, str], str]:
    """The port of each server, by backend and name; 0 for one that takes the client's."""
    ports = {}
    for text in texts:
        backend = None
        for line in text.splitlines():
            words = line.split()
            if line[:1].strip() and len(words) > 1 and not line.startswith("#"):
                backend = words[1] if words[0] in ("backend", "listen") else None
            elif backend and words[:1] == ["server"] and len(words) > 2:
                found = re.search(r"(?:^|[^:]|\]):\+?(\d+)$", words[2])
                ports[backend, words[1].strip('"')] = found[1] if found else "0"
    return ports


def with_ports(state: str, ports: dict[tuple[str, str], str]) -> str:
    """The state of the servers that there are, with the ports that they have now."""
    kept = []
    for line in state.splitlines():
        fields = line.split()
        if line.startswith("#") or fields == ["1"]:
            kept.append(line)
        elif len(fields) >= FIELDS and (fields[NAME], fields[SERVER]) in ports:
            fields[PORT] = ports[fields[NAME], fields[SERVER]]
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
    text = with_ports(state, configured_ports(configuration()))
    beside = pathlib.Path(f"{file}.new")
    beside.write_text(text)
    os.replace(beside, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
