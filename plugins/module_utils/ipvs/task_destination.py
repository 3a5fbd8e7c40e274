# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ipvs_destination`` does: one real server of one service, its draining and its return."""

from __future__ import annotations

import dataclasses
import typing as t

from . import owner, render, wanted
from .app import Drain, NotDrained, Outcome, Session
from .model import Destination, DestinationKey, Service, ServiceKey, Table, endpoint
from .runner import IpvsError
from .weights import Weights

Params = t.Mapping[str, t.Any]
SETTINGS = ("forward", "weight", "upper_threshold", "lower_threshold", "tunnel")


def destination(session: Session, params: Params) -> Outcome:
    """``present`` sets what is given and keeps the rest; ``drained`` is weight 0 and a wait; ``absent`` deletes."""
    key = wanted.service_key(params["service"])
    place = wanted.destination_key(params, key)
    if not params["ignore_keepalived"]:
        owner.refuse_keepalived(session.command, session.files)
    before = _with_service(session, session.read(), key, params["state"])
    if before is None:
        return Outcome(extra={"active_connections": 0})
    live = {found.key: found for found in before[key].destinations}
    weights = Weights(session.files)
    if params["state"] == "present":
        return _present(session, params, before, key, place, weights)
    if place not in live:
        if params["state"] == "drained":
            _missing(session, f"{endpoint(*place)} is no destination of {key}: add it with state: present")
        return Outcome(extra={"active_connections": 0})
    if params["state"] == "drained":
        return _drained(session, params, before, key, live[place], weights)
    return _absent(session, params, before, key, live[place], weights)


def _present(
    session: Session, params: Params, before: Table, key: ServiceKey, place: DestinationKey, weights: Weights
) -> Outcome:
    live = next((found for found in before[key].destinations if found.key == place), None)
    options: dict[str, t.Any] = render.destination_options(live) if live else {"address": place[0], "port": place[1]}
    if live and live.weight == 0:
        options["weight"] = weights.get(key, place) or 0
    options.update({name: params[name] for name in SETTINGS if params[name] is not None})
    if params["tunnel"] is None and options.get("forward") != "tun":
        options.pop("tunnel", None)
    new = wanted.destination(options, key)
    outcome = session.change(before, _replaced(before, key, place, new))
    if not session.check:
        # It has come back, or a weight was given: then that counts, 0 as well.
        weights.forget(key, place)
    outcome.extra["active_connections"] = None
    return outcome


def _drained(
    session: Session, params: Params, before: Table, key: ServiceKey, live: Destination, weights: Weights
) -> Outcome:
    _remember(session, weights, key, live)
    outcome = session.change(before, _replaced(before, key, live.key, dataclasses.replace(live, weight=0)))
    # What is UDP never ends, so there is nothing to wait for.
    seconds = 0 if session.check or key.protocol == "udp" else params["drain_timeout"]
    left = session.wait({key: [live.key]}, seconds)
    outcome.extra["active_connections"] = left
    if left and params["require_drained"] and not session.check:
        raise NotDrained(
            f"{live} of {key} takes no new connections, but {left} active ones are left after {seconds:g} s: "
            "give a longer drain_timeout, or leave require_drained out",
            **outcome.result(),
        )
    return outcome


def _absent(
    session: Session, params: Params, before: Table, key: ServiceKey, live: Destination, weights: Weights
) -> Outcome:
    drain = Drain(params["drain_timeout"], params["require_drained"])
    if drain.needed:
        _remember(session, weights, key, live)
    outcome = session.change(before, _replaced(before, key, live.key, None), drain=drain)
    if not session.check:
        weights.forget(key, live.key)
    outcome.extra.setdefault("active_connections", None)
    return outcome


def _remember(session: Session, weights: Weights, key: ServiceKey, live: Destination) -> None:
    """Before weight 0 is set: a weight that is lost cannot come back, one too many is forgotten later."""
    if live.weight and not session.check:
        weights.remember(key, live.key, live.weight)


def _with_service(session: Session, before: Table, key: ServiceKey, state: str) -> Table | None:
    """The table with the service in it; ``None`` where there is nothing to do without it."""
    if key in before:
        return before
    if state != "absent":
        _missing(session, f"there is no service {key} on this host: create it first, with ipvs_service or ipvs_table")
        if state == "present":
            # An earlier task of the same run would have made it.
            return {**before, key: Service(key)}
    return None


def _missing(session: Session, text: str) -> None:
    """Fail; in check mode, where an earlier task may only have predicted it, warn."""
    if not session.check:
        raise IpvsError(text)
    session.warn(text)


def _replaced(table: Table, key: ServiceKey, place: DestinationKey, new: Destination | None) -> Table:
    others = [found for found in table[key].destinations if found.key != place]
    return {**table, key: table[key].with_destinations([*others, new] if new else others)}
