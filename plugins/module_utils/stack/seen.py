# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a host of a stack does now, by the readers of its daemons. Changes nothing."""

from __future__ import annotations

import json
import typing as t

from ..daemon import history
from ..daemon.model import DaemonProblem
from ..haproxy.app import info as haproxy_info
from ..haproxy.client import Ask, NotRunning
from ..haproxy.model import HaproxyProblem
from ..ipvs.app import Session
from ..ipvs.model import ModelError
from ..ipvs.parse import ParseError
from ..ipvs.runner import IpvsError, ToolMissing
from ..ipvs.task_info import info as ipvs_info
from ..keepalived.app import InfoProblem
from ..keepalived.app import info as keepalived_info
from ..system import drained
from ..system.command import Command, ProgramMissing
from ..system.files import FileProblem, FileStore
from ..system.info import interfaces
from . import parse

SERVICES = ("nginx.service", "haproxy.service", "keepalived.service", "pdns.service")
UNITS = "/etc/systemd/system"
CHECKERS = "/etc/mixed_lb/checker"
MAINTENANCE = "/etc/keepalived/mixed_lb"
PROBLEMS = (
    *(IpvsError, ModelError, ParseError, InfoProblem, HaproxyProblem, ProgramMissing, FileProblem),
    *(drained.DrainedProblem, DaemonProblem, OSError, ValueError),
)

Result = dict[str, t.Any]


class Host(t.NamedTuple):
    """How a host is asked: ``haproxy`` over its socket, ``nginx`` for its status page (raises ``OSError``)."""

    command: Command
    files: FileStore
    haproxy: Ask
    nginx: t.Callable[[], str]


def look(host: Host, timeout: float) -> Result:
    """What ``stack_info`` returns. ``timeout``: seconds that keepalived gets for its answer."""
    problems: list[str] = []

    def ask(what: str, question: t.Callable[[], t.Any], otherwise: t.Any = None) -> t.Any:
        # one daemon that does not tell must not hide the others
        try:
            return question()
        except PROBLEMS as problem:
            problems.append(f"{what}: {' '.join(str(problem).split())}")
            return otherwise

    result: Result = {
        "interfaces": ask("network", lambda: interfaces(host.command, host.files), []),
        "units": ask("units", lambda: _units(host), {}),
        "ipvs": ask("IPVS", lambda: _ipvs(host)),
        "keepalived": ask("keepalived", lambda: _keepalived(host, timeout)),
        "haproxy": ask("HAProxy", lambda: _haproxy(host)),
        "nginx": ask("nginx", lambda: _nginx(host)),
        "drained": ask("drained members", lambda: drained.read(host.files), {}),
        "configurations": ask("configurations", lambda: history.runs(host.files), {}),
    }
    return {**result, "problems": problems}


def _units(host: Host) -> dict[str, str]:
    """The daemons' and our own units that there are, with their states."""
    own = [name for name in host.files.names(UNITS) if name.startswith("mixed-lb-") and name.endswith(".service")]
    answer = host.command(["systemctl", "show", "--property=Id,LoadState,ActiveState", *SERVICES, *own])
    if answer.rc != 0:
        raise ValueError(answer.err or answer.out)
    return parse.units(answer.out)


def _ipvs(host: Host) -> Result | None:
    session = Session(host.command, host.files, check=True)
    try:
        found = ipvs_info(session, ("activity", "rates")) if session.loaded() else None
    except ToolMissing:
        return None
    return {"services": found["services"]} if found else None


def _keepalived(host: Host, timeout: float) -> Result | None:
    found = keepalived_info(host.command, host.files, timeout)
    if not found["running"]:
        return None
    suffix = ".maintenance"
    names = [name for name in host.files.names(MAINTENANCE) if name.endswith(suffix)]
    texts = {name.removesuffix(suffix): host.files.read(f"{MAINTENANCE}/{name}") or "" for name in names}
    return {
        "instances": found["instances"],
        "maintenance": [name for name, text in texts.items() if parse.maintained(text)],
        "moving": [name for name, text in texts.items() if parse.moving(text)],
    }


def _haproxy(host: Host) -> Result | None:
    try:
        return {"backends": haproxy_info(host.haproxy)["backends"]}
    except NotRunning:
        return None


def _nginx(host: Host) -> Result | None:
    """Connections, and by scope what its checker knows; None where neither nginx nor a checker is there."""
    try:
        connections = parse.connections(host.nginx())
    except OSError:
        connections = None
    scopes = [name.removesuffix(".json") for name in host.files.names(CHECKERS) if name.endswith(".json")]
    pools = {}
    for scope in scopes:
        said = host.files.read(f"/run/mixed-lb-checker-{scope}/status.json")
        wanted = host.files.read(f"{CHECKERS}/{scope}.json")
        if said and wanted:
            pools[scope] = parse.pools(json.loads(wanted), json.loads(said))
    return {"active_connections": connections, "pools": pools} if scopes or connections is not None else None
