# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom this balancer sends nothing new, whatever weight the inventory says: kept on the host until somebody takes it back."""

from __future__ import annotations

import ipaddress
import json
import typing as t

from .files import FileStore

PATH = "/etc/mixed_lb/drained.json"

Drained = dict[str, list[str]]
"""The addresses of each drained member, by its name."""


class DrainedProblem(ValueError):
    """The file on the host is not what was written there, or an address is none; the text says what to do."""


def read(files: FileStore) -> Drained:
    """Who is drained on this host. Raises ``DrainedProblem`` for a file that cannot be understood."""
    text = files.read(PATH)
    if text is None:
        return {}
    try:
        return {str(name): [_address(one) for one in addresses] for name, addresses in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DrainedProblem(f"{PATH} is damaged ({error}): delete it and drain again") from error


def with_member(drained: Drained, name: str, addresses: t.Iterable[str]) -> Drained:
    """The same with one more, or with other addresses of one."""
    return dict(sorted({**drained, name: [_address(one) for one in addresses]}.items()))


def without_member(drained: Drained, name: str, addresses: t.Iterable[str]) -> Drained:
    """The same without one, and without others at its addresses: that is who it was under another name."""
    own = {_address(one) for one in addresses}
    return {one: found for one, found in drained.items() if one != name and not own & set(found)}


def write(files: FileStore, drained: Drained) -> None:
    """Keep it; where nobody is drained there is no file."""
    if drained:
        files.write(PATH, text_of(drained))
    else:
        files.remove(PATH)


def text_of(drained: Drained) -> str:
    """The content of the file; empty where there is none."""
    return json.dumps(drained, indent=2, sort_keys=True) + "\n" if drained else ""


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise DrainedProblem(f"{text!r} is no IP address") from error
