# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a change of a running stack is refused, before anything is touched. ``state`` is what ``status.status`` returns."""

from __future__ import annotations

import typing as t

from . import pools
from .serving import unable

State = t.Mapping[str, t.Any]


def migrate_refusals(state: State, name: str) -> list[str]:
    """Why the tier ``name`` cannot be moved to another mode now."""
    tier = tier_of(state, name)
    if tier is None or tier["kind"] != "lvs" or tier["state"] != "present":
        return [f"no present tier of kind lvs has this name; there are {names(state, 'lvs')}"]
    behind = [one for name in tier["backend"] if (one := tier_of(state, name))]
    hosts = dict.fromkeys([*tier["hosts"], *(host for one in behind for host in one["hosts"])])
    return [*away(state, hosts), *_of_director(tier), *_of_pools(tier)]


def failover_refusals(state: State, name: str, to: str) -> list[str]:
    """Why the VIPs of the tier ``name`` cannot go to the host ``to`` now."""
    tier = tier_of(state, name)
    if tier is None or not tier["instances"]:
        return ["no present tier of that name has VIPs that move"]
    if to not in tier["hosts"]:
        return [f"it is not a host of that tier; there are {', '.join(tier['hosts'])}"]
    host = state["hosts"][to]
    # by a failover that was cut off: the next one ends it
    resting = name in host["maintenance"] and name not in host["moving"]
    return [*(["it is in maintenance; undrain.yml ends that"] if resting else []), *unable(tier, host)]


SCOPES = ("nginx-{}", "nginx-checker-{}", "haproxy-{}", "dns_lb-{}", "keepalived-{}")
"""Of the daemons of a tier, in the order in which their roles are run."""


def rollback(state: State, name: str) -> dict[str, t.Any]:
    """What the last run has changed in a tier's daemons, and whether all its hosts can go back.

    ``run``: that run; ``scopes``: by host what of it can go back; ``kept``: by host what it has changed and nothing earlier
    is kept of; ``refusals``: lines for people.
    """
    tier = tier_of(state, name)
    if tier is None:
        return _no_rollback(f"there is no tier {name}; there are {names(state)}")
    found = {host: state["hosts"][host]["configurations"] for host in tier["hosts"]}
    known = {
        host: {scope: of[scope] for scope in (one.format(name) for one in SCOPES) if scope in of}
        for host, of in found.items()
    }
    run = max((one["run"] for scopes in known.values() for one in scopes.values()), default="")
    changed = {
        host: {scope: any(it < run for it in one["earlier"]) for scope, one in scopes.items() if one["run"] == run}
        for host, scopes in known.items()
    }
    scopes = {host: [scope for scope, can in of.items() if can] for host, of in changed.items()}
    kept = {host: [scope for scope, can in of.items() if not can] for host, of in changed.items()}
    refusals = away(state, tier["hosts"])
    if not any(known.values()):
        refusals.append("no host of it has a daemon's configuration: what else there is follows lb_stack alone")
    elif not run:
        refusals.append("site.yml has not laid down what is there: use daemon_rollback")
    elif not any(scopes.values()):
        refusals.append(f"nothing is kept from before the run {run}")
    return {"run": run, "scopes": scopes, "kept": {host: of for host, of in kept.items() if of}, "refusals": refusals}


def _no_rollback(why: str) -> dict[str, t.Any]:
    return {"run": "", "scopes": {}, "kept": {}, "refusals": [why]}


def away(state: State, hosts: t.Iterable[str]) -> list[str]:
    """A sentence where hosts were not reached."""
    silent = [name for name in hosts if not state["hosts"][name]["reached"]]
    return [f"{', '.join(silent)} {'was' if len(silent) == 1 else 'were'} not reached"] if silent else []


def tier_of(state: State, name: str) -> State | None:
    """The tier of that name."""
    return next((one for one in state["tiers"] if one["name"] == name), None)


def names(state: State, kind: str = "") -> str:
    """The tiers that there are, of one kind or of all, as words."""
    found = [one["name"] for one in state["tiers"] if not kind or one["kind"] == kind]
    return ", ".join(found) or "none"


def _of_director(tier: State) -> t.Iterator[str]:
    """Whoever holds the VIPs has the connections that are waited for."""
    if len(tier["holders"]) != 1:
        yield f"its VIPs are held by {' and '.join(tier['holders']) or 'nobody'}: see what status.yml says"


def _of_pools(tier: State) -> t.Iterator[str]:
    """keepalived takes real servers that leave a pool out at once, with their connections."""
    checked = [one for one in tier["members"] if one["by"] in tier["holders"] and one["check"] != pools.MISSING]
    for service in dict.fromkeys(one["service"] for one in checked):
        if all(one["state"] == "down" for one in checked if one["service"] == service):
            yield (
                f"{service} has none of these real servers now: they are down, or were asked at other ports so far, which"
                " keepalived does not change without a gap. Let them serve the ports of both modes, and take those first"
            )
