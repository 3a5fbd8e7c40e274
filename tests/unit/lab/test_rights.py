# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab needs of the machine: named in one line, with the command that gives it."""

from __future__ import annotations

import dataclasses
import errno
import re
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.lab import rights

RANGES = (("ann:100000:65536",), ("ann:100000:65536",))
ANN = rights.Seen(user="ann", root=False, ranges=RANGES)
ROOT = rights.Seen(user="root", root=True)


@pytest.mark.parametrize("seen", [ANN, ROOT], ids=lambda seen: seen.user)
def test_nothing_is_missing(seen: rights.Seen) -> None:
    assert rights.missing(seen) is None


@pytest.mark.parametrize(
    ("seen", "change", "line"),
    [
        (
            ANN,
            {"tun": errno.EACCES},
            "ann may not open /dev/net/tun; as root, until the next boot: chmod 666 /dev/net/tun",
        ),
        (ANN, {"tun": errno.ENOENT}, "/dev/net/tun is missing; as root: modprobe tun, or "),
        (ROOT, {"tun": errno.ENODEV}, "/dev/net/tun is missing; as root: modprobe tun, or "),
        (
            ROOT,
            {"tun": errno.EPERM},
            "/dev/net/tun may not be opened, though this is root: give this container the device",
        ),
        (
            ANN,
            {"namespaces": "Operation not permitted", "switches": {"kernel.unprivileged_userns_clone": "0"}},
            "ann may not make user namespaces; as root: sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            ANN,
            {"namespaces": "x", "switches": {"kernel.apparmor_restrict_unprivileged_userns": "1"}},
            "ann may not make user namespaces; as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            ANN,
            {"namespaces": "unshare failed", "switches": {"user.max_user_namespaces": "96365"}},
            "ann may not make user namespaces (unshare failed); run this as root",
        ),
        (
            ANN,
            {"mapped": "no", "ranges": ((), ())},
            "ann has no 65536 entries in /etc/subuid; as root: usermod --add-subuids 100000-165535 ann",
        ),
        (
            ANN,
            {"mapped": "no", "ranges": (RANGES[0], ("bob:100000:65536", "# a:word:too", "ann:165536:1000"))},
            "ann has no 65536 entries in /etc/subgid; as root: usermod --add-subgids 166536-232071 ann",
        ),
        (ANN, {"mapped": "no"}, "ann may not use the entries in /etc/subuid and /etc/subgid (no); run this as root"),
    ],
)
def test_what_is_missing_comes_with_its_command(seen: rights.Seen, change: dict[str, t.Any], line: str) -> None:
    told = rights.missing(dataclasses.replace(seen, **change))
    assert told is not None and "\n" not in told
    assert re.match(re.escape(line), told), told


def test_switches_matter_only_where_the_kernel_refuses() -> None:
    assert rights.missing(dataclasses.replace(ANN, switches={"user.max_user_namespaces": "0"})) is None


def test_entries_from_elsewhere_than_the_files_are_as_good() -> None:
    assert rights.missing(dataclasses.replace(ANN, ranges=((), ()))) is None


def test_the_machine_can_be_looked_at() -> None:
    assert rights.look().user
