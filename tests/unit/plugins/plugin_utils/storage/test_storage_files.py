# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports let in whom they name; units mount at the first use and never wait for ever."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.storage import exports, mounts

MOUNT = {
    "name": "files",
    "source": "203.0.113.31:/srv/files",
    "path": "/srv/shared-files",
    "type": "nfs4",
    "writable": False,
    "options": [],
}


def units(**changes: t.Any) -> tuple[dict[str, str], dict[str, str]]:
    """The sections [Mount] and [Automount]."""
    sections = []
    for file, name in zip(mounts.storage_mount_files({**MOUNT, **changes}), ("Mount", "Automount"), strict=True):
        parser = configparser.RawConfigParser()
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(file["content"])
        assert parser["Unit"]["StartLimitIntervalSec"] == "0"
        sections.append(dict(parser[name]))
    return sections[0], sections[1]


def test_exports_name_every_client() -> None:
    made = exports.storage_exports(
        [
            {"path": "/srv/files", "clients": ["203.0.113.21", "2001:db8::/64"]},
            {"path": "/srv/in", "clients": ["*"], "writable": True, "options": ["all_squash"]},
        ],
        "files",
    )
    assert made.splitlines()[1:] == [
        "/srv/files 203.0.113.21(ro,sync,no_subtree_check) 2001:db8::/64(ro,sync,no_subtree_check)",
        "/srv/in *(rw,sync,no_subtree_check,all_squash)",
    ]


@pytest.mark.parametrize(
    ("export", "words"),
    [
        ({"path": "/srv/files", "clients": []}, "has no clients"),
        ({"path": "/srv/files", "clients": ["a b"]}, "has a client 'a b'"),
        ({"path": "/srv/a b", "clients": ["*"]}, "no plain absolute path"),
        ({"path": "srv", "clients": ["*"]}, "no plain absolute path"),
        ({"path": "/srv/../etc", "clients": ["*"]}, "no plain absolute path"),
    ],
)
def test_an_export_that_means_something_else_is_refused(export: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        exports.storage_exports([export], "files")


def test_every_folder_is_looked_for_in_what_the_server_exports() -> None:
    port, folder = exports.storage_probes([{"path": "/srv/files.d", "clients": ["*"]}])
    assert port == {"address": "127.0.0.1:2049"}
    assert folder["expects"] == r"(?m)^/srv/files\.d\s"


def test_nfs_ends_with_an_error_and_others_wait_for_the_network() -> None:
    assert units()[0]["Options"] == "ro,nosuid,nodev,softerr,timeo=20,retrans=2,retry=0"
    assert units(type="cifs")[0]["Options"] == "ro,nosuid,nodev,_netdev"
    assert units(writable=True, options=["hard"])[0]["Options"] == "rw,hard"
    assert units(source="filer:/100%")[0]["What"] == "filer:/100%%"


def test_mount_and_automount_are_of_one_path() -> None:
    mount, automount = units()
    assert mount["Where"] == automount["Where"] == "/srv/shared-files"


@pytest.mark.parametrize("change", [{"source": "a b"}, {"options": ['"']}, {"path": "/"}, {"type": ""}])
def test_what_a_unit_cannot_carry_is_refused(change: dict[str, t.Any]) -> None:
    with pytest.raises(ValueError):
        mounts.storage_mount_files({**MOUNT, **change})


@pytest.mark.parametrize(
    ("path", "name"), [("/srv/files", "srv-files"), ("/srv/a-b_c.d/E", r"srv-a\x2db_c.d-E"), ("/x", "x")]
)
def test_units_are_named_as_systemd_does(path: str, name: str) -> None:
    assert mounts.storage_automount(path) == f"{name}.automount"
    if program := shutil.which("systemd-escape"):
        said = subprocess.run([program, "--path", path], check=True, capture_output=True, text=True)
        assert said.stdout.strip() == name
