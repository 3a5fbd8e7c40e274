# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ipvs_table`` and ``ipvs_service`` do."""

from __future__ import annotations

import dataclasses
import typing as t

from . import boot, owner, wanted
from .app import Drain, Outcome, Session
from .model import ServiceKey, Table
from .plan import Policy, target
from .runner import IpvsError
from .weights import Weights

Params = t.Mapping[str, t.Any]


def table(session: Session, params: Params) -> Outcome:
    """A whole table, in force now and, with ``persist``, after every boot."""
    desired = wanted.table(params["services"])
    restrict = params["restrict"]
    policy = Policy(None if restrict is None else wanted.scope(restrict), params["purge"], params["keep_weights"])
    scope = params["persist"]
    if scope is not None:
        boot.check_scope(scope)
        if desired:
            owner.refuse_flushing_service(session.files)
        if policy.purge:
            policy = dataclasses.replace(policy, former=boot.former(session, scope))
    if not params["ignore_keepalived"]:
        owner.refuse_keepalived(session.command, session.files)
    before = session.read()
    after = target(before, desired, policy)
    outcome = session.change(before, after, rollback=params["rollback"], drain=Drain(params["drain_timeout"]))
    _forget(session, after, () if params["keep_weights"] else desired)
    if scope is not None:
        # As described: a weight that keep_weights leaves is that of now, not that of the next boot.
        boot.persist_table(session, scope, desired, outcome)
    return outcome


def service(session: Session, params: Params) -> Outcome:
    """One service; its destinations are left alone unless they are given."""
    absent = params["state"] == "absent"
    key = wanted.service_key(params)
    desired = None if absent else wanted.service(params)
    if not params["ignore_keepalived"]:
        owner.refuse_keepalived(session.command, session.files)
    before = session.read()
    kept = params["keep_weights"] or params["destinations"] is None
    if desired is None:
        after: Table = {other: found for other, found in before.items() if other != key}
    else:
        if params["destinations"] is None and key in before:
            desired = desired.with_destinations(before[key].destinations)
        after = target(before, {key: desired}, Policy(keep_weights=params["keep_weights"]))
    outcome = session.change(before, after, rollback=params["rollback"], drain=Drain(params["drain_timeout"]))
    _forget(session, after, () if kept else (key,))
    return outcome


def _forget(session: Session, after: Table, weighed: t.Collection[ServiceKey]) -> None:
    """Weights from before a drain are of use to who is at 0 still, and was given no weight now, as ``weighed`` were."""
    if session.check:
        return
    others = [(key, found) for key, it in after.items() if key not in weighed for found in it.destinations]
    try:
        Weights(session.files).forget_others((key, found.key) for key, found in others if found.weight == 0)
    except IpvsError as error:
        session.warn(str(error))
