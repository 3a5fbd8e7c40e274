# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack as a graph in Graphviz' language: a cluster a tier, a node a host, and the ways of requests and replies."""

from __future__ import annotations

import html
import typing as t

from .states import BAD, DESCRIBED, DRAINED, STATES, State, host_state

Data = t.Mapping[str, t.Any]

CLIENTS = "clients"
LEADS = ("dns", "redirect")
"""Kinds that tell clients where to go instead of asking for them."""
STRAIGHT = ("dr", "tun")
"""Modes of LVS in which replies do not pass the director."""
MOST = 12
"""Hosts of a tier that are drawn one by one; of more than that, one node counts them."""


def stack_dot(status: Data, live: bool = True) -> str:
    """DOT for ``dot -Tsvg``. ``status`` is that of ``stack_plan``; without ``live`` nothing is said about how hosts are.

    Colours are left to the page: nodes, clusters and edges carry classes.
    """
    tiers = [tier for tier in status["tiers"] if tier["state"] == "present"]
    lines = [
        "digraph stack {",
        "  graph [rankdir=TB compound=true bgcolor=transparent fontname=Helvetica nodesep=0.3 ranksep=0.6 pad=0.1]",
        "  node [shape=box style=rounded fontname=Helvetica fontsize=11 margin=0.1]",
        "  edge [fontname=Helvetica fontsize=10 arrowsize=0.7]",
        f"  {_quoted(CLIENTS)} [shape=oval class={_quoted('clients')}]",
    ]
    for number, tier in enumerate(tiers):
        lines += _cluster(number, tier, status, live=live)
    anchors = {tier["name"]: (_anchor(tier), f"cluster{number}") for number, tier in enumerate(tiers)}
    lines += [f"  {line}" for line in dict.fromkeys(_edges(tiers, anchors))]
    return "\n".join([*lines, "}", ""])


def _cluster(number: int, tier: Data, status: Data, *, live: bool) -> list[str]:
    title = f"<B>{_text(tier['name'])}</B>  {_text(' '.join(filter(None, (tier['kind'], tier['mode'].upper()))))}"
    rows = [title, *(_vip(vip, live=live) for vip in tier["vips"])]
    nodes = list(_nodes(tier, status, live=live))
    lines = [
        f"  subgraph cluster{number} {{",
        f"    graph [label=<{'<BR/>'.join(rows)}> fontsize=11 style=rounded class={_quoted('tier')}]",
        *(f"    {node} [label=<{label}> class={_quoted(f'host {state}')}]" for node, label, state in nodes),
        # side by side in the order of the inventory
        f"    {{ rank=same {' -> '.join(node for node, _label, _state in nodes)} [style=invis] }}",
    ]
    return [*lines, "  }"]


def _vip(vip: Data, *, live: bool) -> str:
    where = f" on {' and '.join(vip['holders']) or 'nobody'}" if live else ""
    return _text(f"VIP {vip['address']}{where}")


def _nodes(tier: Data, status: Data, *, live: bool) -> t.Iterator[tuple[str, str, str]]:
    """Of each node its name, its label and its state."""
    states = {host: host_state(host, tier, status) if live else State(DESCRIBED, ()) for host in tier["hosts"]}
    if not tier["hosts"]:
        yield _node(tier["name"], ""), "somebody else's", DESCRIBED
    elif len(states) > MOST:
        worst = max((state.name for state in states.values()), key=STATES.index)
        ill = sum(state.name in (DRAINED, BAD) for state in states.values())
        yield _node(tier["name"], ""), f"{len(states)} hosts{f', {ill} not well' if ill else ''}", worst
    else:
        for host, state in states.items():
            yield (
                _node(tier["name"], host),
                "<BR/>".join([f"<B>{_text(host)}</B>", *map(_text, state.words)]),
                state.name,
            )


def _edges(tiers: list[Data], anchors: t.Mapping[str, tuple[str, str]]) -> t.Iterator[str]:
    fronts: dict[str, list[Data]] = {}
    for tier in tiers:
        for behind in tier["backend"]:
            fronts.setdefault(behind, []).append(tier)
    for tier in tiers:
        asked_by = [front for front in fronts.get(tier["name"], []) if front["kind"] not in LEADS]
        if not asked_by:
            what = "asks for the name" if tier["kind"] == "dns" else "requests"
            yield _edge((CLIENTS, ""), anchors[tier["name"]], "lead" if tier["kind"] == "dns" else "request", what)
        for name in tier["backend"]:
            if name not in anchors:
                continue
            if tier["kind"] in LEADS:
                yield _edge(anchors[tier["name"]], anchors[name], "lead", "leads to")
                continue
            yield _edge(anchors[tier["name"]], anchors[name], "request", tier["mode"].upper())
            if tier["mode"]:
                takers = [anchors[front["name"]] for front in asked_by] or [(CLIENTS, "")]
                for taker in takers if tier["mode"] in STRAIGHT else [anchors[tier["name"]]]:
                    yield _edge(anchors[name], taker, "reply", "replies")


def _edge(tail: tuple[str, str], head: tuple[str, str], kind: str, label: str) -> str:
    options = {"class": kind, "label": f" {label}" if label else ""}
    options |= {"ltail": tail[1]} if tail[1] else {}
    options |= {"lhead": head[1]} if head[1] else {}
    if kind == "reply":
        # it goes back up, and must not turn the picture over
        options["constraint"] = "false"
    if kind != "request":
        options["style"] = "dashed" if kind == "reply" else "dotted"
    words = " ".join(f"{name}={_quoted(value)}" for name, value in options.items())
    return f"{tail[0]} -> {head[0]} [{words}]"


def _anchor(tier: Data) -> str:
    """The node that edges of a tier end at; they are cut where its cluster begins."""
    hosts = tier["hosts"]
    return _node(tier["name"], hosts[len(hosts) // 2] if 0 < len(hosts) <= MOST else "")


def _node(tier: str, host: str) -> str:
    return _quoted(f"{tier}/{host}")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(text: str) -> str:
    return html.escape(text, quote=False)
