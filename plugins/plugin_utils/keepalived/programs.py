# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that keepalived runs, and the user that each runs as.

Version 2.2.7 ends its own check before a reload by a signal to itself where it would run one as another user than root, and
so refuses the reload. So it runs all of them as root, through a program that becomes that user first.
"""

from __future__ import annotations

import typing as t

Options = t.Mapping[str, t.Any]

RUN_AS = "/usr/local/sbin/mixed-lb-run-as"
USER = "root"


def command_line(command: str, user: str | None, options: Options) -> str:
    """What keepalived is to run as ``USER``; without ``user`` the program runs as the role's ``script_user``."""
    user = user or str(options["script_user"])
    # keepalived's way to name a group is a second word
    return command if user == USER else f"{RUN_AS} {':'.join(user.split())} {command}"


def event_lines(it: Options, events: t.Iterable[str], options: Options) -> list[str]:
    """A line for each of these events that has a program."""
    return [f'{event} "{command_line(it[event], None, options)}" {USER}' for event in events if it.get(event)]
