# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a scope of the role ``firewall``: its rules, what they were made of, and what loads them at boot."""

from __future__ import annotations

import json
import re
import typing as t

from . import rules

FOLDER = "/etc/mixed_lb/firewall"
NFT = "/usr/sbin/nft"
MADE_OF = ("openings", "also")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


def firewall_files(openings: t.Sequence[t.Mapping[str, t.Any]], name: str, before: str = "") -> list[dict[str, str]]:
    """The files of a scope, as ``daemon_config`` takes them; the rules are the first.

    ``before`` is the text of the second one as it is: then what is closed stays so, what was let in still is, and what
    ``openings`` let in is beside that.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"the name {name!r} is not of at most 31 lower-case letters, digits, - and _")
    wanted = [rules.Opening.read(entry) for entry in openings]
    also: list[rules.Opening] = []
    if before:
        also = wanted
        wanted, known = ([rules.Opening.read(entry) for entry in json.loads(before)[key]] for key in MADE_OF)
        also = [one for one in (*known, *also) if one not in wanted]
    # what is not about anything closed changes nothing
    wanted, also = (rules.concerned(some, wanted) for some in (wanted, also))
    made_of = {key: [one.plain() for one in some] for key, some in zip(MADE_OF, (wanted, also), strict=True)}
    return [
        {"path": f"{FOLDER}/{name}.nft", "content": rules.rules(wanted, also, name)},
        {"path": f"{FOLDER}/{name}.json", "content": json.dumps(made_of, indent=1, sort_keys=True) + "\n"},
        {"path": f"/etc/systemd/system/mixed-lb-firewall-{name}.service", "content": _unit(name)},
        {"path": f"/etc/systemd/system/nftables.service.d/mixed-lb-firewall-{name}.conf", "content": _drop_in(name)},
    ]


def _head(name: str) -> str:
    return f"# Written by mixed_lb.stack, role firewall, scope {name}. Changes made here are lost."


def _load(name: str) -> str:
    return f"{NFT} --file {FOLDER}/{name}.nft"


def _drop_in(name: str) -> str:
    lines = [
        _head(name),
        "# This one flushes all tables. Nobody starts the unit of those rules with it where that is active already.",
        "[Service]",
        f"ExecStartPost=-{_load(name)}",
    ]
    return "\n".join(lines) + "\n"


def _unit(name: str) -> str:
    table = f"table inet {rules.table(name)}"
    lines = [
        _head(name),
        "[Unit]",
        f"Description=What only peers of the load balancer may send ({name})",
        # Default dependencies would order it after sysinit.target, and cloud-init puts the network before that: a cycle.
        "DefaultDependencies=no",
        "Conflicts=shutdown.target",
        "After=local-fs.target systemd-modules-load.service nftables.service",
        "Before=network-pre.target shutdown.target",
        "Wants=network-pre.target",
        "# That one flushes all tables whenever it is started, reloaded or stopped: this one follows, and works without it.",
        "PartOf=nftables.service",
        "ReloadPropagatedFrom=nftables.service",
        "",
        "[Service]",
        "Type=oneshot",
        "RemainAfterExit=yes",
        f"ExecStart={_load(name)}",
        f"ExecReload={_load(name)}",
        # added first, since somebody may have taken it away
        f'ExecStop={NFT} "add {table}; delete {table}"',
        "",
        "[Install]",
        "WantedBy=sysinit.target nftables.service",
    ]
    return "\n".join(lines) + "\n"
