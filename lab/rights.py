# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine lets this user have a lab; where not, the one command that makes it so."""

from __future__ import annotations

import dataclasses
import errno
import os
import pathlib
import pwd
import re
import subprocess

from .sandbox import SandboxError

TUN = pathlib.Path("/dev/net/tun")
# What a Debian image needs at most: one range as useradd gives it.
COUNT = 65536
RANGE = re.compile(r"([^:]+):(\d+):(\d+)")
FIRST = 100000
# What forbids user namespaces: the switch, the value that forbids, the value that allows.
SWITCHES = (
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user.max_user_namespaces", "0", "15000"),
)


@dataclasses.dataclass(frozen=True)
class Seen:
    """The machine as this user finds it.

    ``tun``: the error number of opening /dev/net/tun, 0 for none. ``namespaces``: what the kernel says to a new user namespace,
    ``mapped``: to one with the user's subordinate users in it; empty where they are made. ``switches``: those sysctls of
    ``SWITCHES`` that there are. ``ranges``: the lines of /etc/subuid and /etc/subgid.
    """

    user: str
    root: bool
    tun: int = 0
    namespaces: str = ""
    mapped: str = ""
    switches: dict[str, str] = dataclasses.field(default_factory=dict)
    ranges: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def missing(seen: Seen) -> str | None:
    """One line about the first thing that is missing, with the command for it; None where a lab can be had."""
    if seen.tun in (errno.EACCES, errno.EPERM):
        if seen.root:
            return f"{TUN} may not be opened, though this is root: give this container the device"
        return f"{seen.user} may not open {TUN}; as root, until the next boot: chmod 666 {TUN}"
    if seen.tun:
        return (
            f"{TUN} is missing; as root: modprobe tun, or in a container, mkdir -p {TUN.parent} && mknod {TUN} c 10 200"
        )
    if seen.root:
        return None
    if seen.namespaces:
        for switch, forbids, allows in SWITCHES:
            if seen.switches.get(switch) == forbids:
                return f"{seen.user} may not make user namespaces; as root: sysctl -w {switch}={allows}"
        return f"{seen.user} may not make user namespaces ({seen.namespaces}); run this as root"
    if not seen.mapped:
        return None
    for lines, file, option in zip(seen.ranges, ("subuid", "subgid"), ("subuids", "subgids"), strict=True):
        entries = [match.groups() for match in map(RANGE.fullmatch, lines) if match]
        if not any(name == seen.user and int(count) >= COUNT for name, _first, count in entries):
            free = max([FIRST, *(int(first) + int(count) for _name, first, count in entries)])
            return (
                f"{seen.user} has no {COUNT} entries in /etc/{file}; "
                f"as root: usermod --add-{option} {free}-{free + COUNT - 1} {seen.user}"
            )
    return f"{seen.user} may not use the entries in /etc/subuid and /etc/subgid ({seen.mapped}); run this as root"


def need() -> None:
    """Raises ``SandboxError`` with the line where a lab cannot be had here."""
    line = missing(look())
    if line is not None:
        raise SandboxError(line)


def look() -> Seen:
    """The machine as it is."""
    seen = Seen(user=pwd.getpwuid(os.geteuid()).pw_name, root=os.geteuid() == 0, tun=_open_tun())
    if seen.root:
        return seen
    return dataclasses.replace(
        seen,
        namespaces=_refusal("--map-root-user"),
        mapped=_refusal("--map-root-user", "--map-auto"),
        switches={name: text for name, _forbids, _allows in SWITCHES if (text := _sysctl(name)) is not None},
        ranges=(_lines("/etc/subuid"), _lines("/etc/subgid")),
    )


def _open_tun() -> int:
    try:
        os.close(os.open(TUN, os.O_RDWR))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _refusal(*options: str) -> str:
    tried = subprocess.run(["unshare", *options, "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else tried.stderr.strip() or f"exit code {tried.returncode}"


def _sysctl(name: str) -> str | None:
    try:
        return pathlib.Path("/proc/sys", *name.split(".")).read_text().strip()
    except OSError:
        return None


def _lines(path: str) -> tuple[str, ...]:
    try:
        return tuple(pathlib.Path(path).read_text().splitlines())
    except OSError:
        return ()
