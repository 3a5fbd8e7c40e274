# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's socket in memory: it answers, and refuses, in the words of 2.6 and 3.0."""

from __future__ import annotations

import dataclasses
import re

HEAD = (
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
    " srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state"
    " bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr"
    " srv_agent_addr srv_agent_port\n"
)
ADMIN = {"ready": 0, "drain": 8, "maint": 1}


@dataclasses.dataclass
class FakeServer:
    number: int
    address: str
    port: int
    state: str = "ready"
    weight: int = 1
    sessions: int = 0
    queued: int = 0


class FakeHaproxy:
    """One backend ``web``, and time. ``read_only``: a command that changes something is an error of the test."""

    def __init__(self, *, read_only: bool = False, ends: float | None = None) -> None:
        self.servers = {"w1": FakeServer(1, "192.0.2.21", 80, weight=10), "w2": FakeServer(2, "192.0.2.22", 80)}
        self.read_only = read_only
        self.ends = ends
        """When open sessions end; never where it is None."""
        self.time = 0.0
        self.deaf: set[str] = set()
        """Servers that say yes and do nothing, like one that tracks another."""
        self.asked: list[str] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self.ends is not None and self.time >= self.ends:
            for server in self.servers.values():
                server.sessions = server.queued = 0

    def __call__(self, command: str) -> str:
        self.asked.append(command)
        words = command.split()
        if words[:3] == ["show", "servers", "state"]:
            return self._state() if words[3] == "web" else "Can't find backend.\n\n"
        if words[:2] == ["show", "stat"]:
            (found,) = (each for each in self.servers.items() if str(each[1].number) == words[4])
            name, server = found
            return f"# pxname,svname,qcur,scur,\nweb,{name},{server.queued},{server.sessions},\n\n"
        assert not self.read_only, command
        place = words[2] if words[:2] != ["shutdown", "sessions"] else words[3]
        name = place.removeprefix("web/")
        if words[:2] == ["add", "server"]:
            return self._add(name, words)
        if name not in self.servers:
            return "No such server.\n"
        if name in self.deaf:
            return "\n"
        return self._change(name, words)

    def _state(self) -> str:
        return HEAD + "".join(
            f"3 web {it.number} {name} {it.address} 2 {ADMIN[it.state]} {it.weight} 1 1 1 0 2 0 0 0 0 - {it.port}"
            " - 0 0 - - 0\n"
            for name, it in self.servers.items()
        )

    def _add(self, name: str, words: list[str]) -> str:
        if name in self.servers:
            return "Already exists a server with the same name in backend.\n"
        address, _colon, port = words[3].rpartition(":")
        if "nonsense" in words:
            return "unknown keyword 'nonsense'.\n"
        weight = int(words[words.index("weight") + 1]) if "weight" in words else 1
        number = max((each.number for each in self.servers.values()), default=0) + 1
        self.servers[name] = FakeServer(number, address.strip("[]"), int(port), "maint", weight)
        return "New server registered.\n"

    def _change(self, name: str, words: list[str]) -> str:
        server = self.servers[name]
        if words[0] == "shutdown":
            server.sessions = 0
        elif words[0] == "del":
            if server.state != "maint":
                return "Only servers in maintenance mode can be deleted.\n"
            if server.sessions:
                return "Server still has connections attached to it, cannot remove it.\n"
            del self.servers[name]
            return "Server deleted.\n"
        elif words[3:4] == ["weight"]:
            if not re.fullmatch(r"\d+", words[4]) or int(words[4]) > 256:
                return "Absolute weight can only be between 0 and 256 inclusive.\n"
            server.weight = int(words[4])
        elif words[3:4] == ["state"]:
            server.state = words[4]
        return "\n"
