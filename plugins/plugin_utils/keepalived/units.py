# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of systemd without which a host lets go of its VIPs: systemd says in a file, which keepalived watches, how each is.

keepalived's own ``track_process`` needs a kernel that tells of processes, and watches nothing on others. Its scripts ask
once a second. A file that changes is seen at once.
"""

from __future__ import annotations

import typing as t

Options = t.Mapping[str, t.Any]

FOLDER = "/etc/keepalived/mixed_lb"
HEAD = "# Written by mixed_lb.stack, role keepalived. Changes made here are lost."


def keepalived_unit_files(options: Options) -> list[dict[str, t.Any]]:
    """For each of ``units``, as ``daemon_config`` takes files: 0 while it runs and 1 while not, and what makes systemd say so.

    ``options`` are the variables of the role without ``keepalived_``.
    """
    scope = options["name"]
    return [
        file
        for unit in options.get("units") or ()
        for file in (
            {"path": state_file(scope, unit), "content": "0\n", "keep": True},
            {
                "path": f"/etc/systemd/system/{unit}.d/mixed_lb-keepalived-{scope}.conf",
                "content": _drop_in(scope, unit),
            },
        )
    ]


def state_file(scope: str, unit: str) -> str:
    return f"{FOLDER}/{scope}.{label(unit)}"


def label(unit: str) -> str:
    """The name of a unit among what a scope watches."""
    return f"unit_{unit.removesuffix('.service')}"


def _drop_in(scope: str, unit: str) -> str:
    def say(word: int) -> str:
        # as root whatever the unit runs as, and never in its way
        return f"+-/bin/sh -c 'echo {word} >{state_file(scope, unit)}'"

    lines = [
        HEAD,
        "# Tells keepalived whether it runs; that has to be true before keepalived takes a VIP.",
        "[Unit]",
        "Before=keepalived.service",
        "[Service]",
        f"ExecStartPost={say(0)}",
        f"ExecStopPost={say(1)}",
    ]
    return "\n".join(lines) + "\n"
