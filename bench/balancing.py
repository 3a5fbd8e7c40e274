# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process of the proxies' measurement: ``python -m bench.balancing DAEMON CONFIGURATION CONNECTIONS...``.

Prints JSON: by the number of connections what the client saw, and what the daemon took for it.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import sys
import tempfile
import typing as t

from . import configurations, daemons, processes, tools

MAKERS = {"distribution": configurations.stock, "role": configurations.rendered}
SECONDS, WARM_UP = 5, 1
URL = f"http://127.0.0.1:{configurations.PORT}/"


class Seen(t.NamedTuple):
    """``cpu``: seconds of CPU that the daemon took for a good answer; ``busy``: the part of a core that it took."""

    load: tools.Load
    cpu: float
    busy: float


def loads(daemon: str, maker: str, wanted: list[int]) -> dict[int, Seen]:
    """A daemon with one configuration on its own core, everything else on the others."""
    own, rest = processes.apart()
    files = MAKERS[maker](daemon)
    with tempfile.TemporaryDirectory() as name, processes.confined(rest), contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        server = (configurations.SERVERS["web1"], configurations.SERVER_PORT)
        address = ("127.0.0.1", configurations.PORT)
        stack.enter_context(daemons.running("nginx", folder / "behind", configurations.backend(), server))
        with processes.confined(own):
            pid = stack.enter_context(daemons.running(daemon, folder / "front", files, address))
        tools.load(URL, min(wanted), WARM_UP)
        return {connections: _seen(pid, connections) for connections in wanted}


def _seen(pid: int, connections: int) -> Seen:
    before = processes.cpu(pid)
    load = tools.load(URL, connections, SECONDS)
    spent = processes.cpu(pid) - before
    return Seen(load, spent / max(1, load.good), spent / SECONDS)


if __name__ == "__main__":
    print(json.dumps(loads(sys.argv[1], sys.argv[2], list(map(int, sys.argv[3:])))))
