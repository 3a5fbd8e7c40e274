# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed zone, validated by a resolver that trusts its key and nothing else."""

from __future__ import annotations

import shlex

import pytest
from ask_dns import SERVERS, SITES, Names

from lab.cluster import Lab

pytestmark = [pytest.mark.stage("second"), pytest.mark.usefixtures("sites")]


def validated(lab: Lab, names: Names, server: str, question: str) -> str:
    """What delv says of the answer."""
    (key,) = names.ask(server, "blog.example DNSKEY").values("DNSKEY")
    flags, protocol, algorithm, text = key.split(None, 3)
    anchors = lab.folder / "anchors"
    anchors.write_text(
        f'trust-anchors {{ blog.example static-key {flags} {protocol} {algorithm} "{text.replace(" ", "")}"; }};\n'
    )
    words = f"delv @{SERVERS[server]} -a {shlex.quote(str(anchors))} +root=blog.example {question}"
    return lab.run("client", words, check=False)


@pytest.mark.parametrize("server", SERVERS)
def test_answers_are_signed(lab: Lab, names: Names, server: str) -> None:
    """Plain records, balanced names, a wildcard, and that there is no such record."""
    assert "; fully validated" in validated(lab, names, server, "blog.example TXT")
    said = validated(lab, names, server, "blog.example A")
    assert "; fully validated" in said and SITES["web1"] in said and SITES["web2"] in said, said
    assert "; fully validated" in validated(lab, names, server, "any.thing.blog.example A")
    assert "; negative response, fully validated" in validated(lab, names, server, "blog.example MX")


def test_both_sign_with_the_same_key(names: Names) -> None:
    keys = {tuple(names.ask(server, "blog.example DNSKEY").values("DNSKEY")) for server in SERVERS}
    assert len(keys) == 1


def test_the_key_is_nobody_elses(lab: Lab) -> None:
    for server in SERVERS:
        (line,) = lab.run(server, "stat -c '%U:%G %a %n' /etc/powerdns/mixed_lb/keys/*.key").splitlines()
        assert line.startswith("root:pdns 640 ")
