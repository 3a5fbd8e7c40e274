# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether HAProxy will be able to listen where its configuration says. Arguments: files, or folders of ``*.cfg``.

Written by mixed_lb.stack, role haproxy. ``haproxy -c`` does not look at that. A process that finds a port taken makes the
one before it stop listening, tries for two seconds, and gives up: for that time nobody is served.
"""

from __future__ import annotations

import errno
import pathlib
import re
import socket
import sys

# What only the real start finds out: addresses may come before it, and some need not be there at all.
_OURS_TO_REFUSE = (errno.EADDRINUSE,)
_PLACE = re.compile(r"(?:ipv[46]@)?\[?(?P<host>\*|[0-9.]*|[0-9A-Fa-f:.]*)\]?:(?P<first>\d+)(?:-(?P<last>\d+))?\Z")


def places(text: str) -> list[tuple[str, int, bool]]:
    """Addresses and ports of the ``bind`` lines of a configuration, and whether one is for IPv6 alone."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] != ["bind"]:
            continue
        for place in words[1].split(","):
            if match := _PLACE.match(place):
                host = "0.0.0.0" if match["host"] in ("", "*") else match["host"]
                ports = range(int(match["first"]), int(match["last"] or match["first"]) + 1)
                found += [(host, port, "v4v6" not in words) for port in ports]
    return found


def fault(host: str, port: int, *, v6_only: bool) -> str | None:
    """Why HAProxy cannot listen there, or None. Where it does already, this socket joins it, but never listens."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            probe.setsockopt(socket.SOL_SOCKET, option, 1)
        if ":" in host:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6_only))
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in _OURS_TO_REFUSE:
                return f"another program listens on port {port} of {host}: {error.strerror}"
    return None


def main(names: list[str]) -> list[str]:
    """What is wrong, a line each."""
    paths = [pathlib.Path(name) for name in names]
    files = [file for path in paths for file in (sorted(path.glob("*.cfg")) if path.is_dir() else [path])]
    wanted = dict.fromkeys(place for file in files if file.is_file() for place in places(file.read_text()))
    found = (fault(host, port, v6_only=v6_only) for host, port, v6_only in wanted)
    return [each for each in found if each]


if __name__ == "__main__":
    sys.exit("\n".join(main(sys.argv[1:])) or 0)
