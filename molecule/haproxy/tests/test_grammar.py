# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy itself, 2.6 and 3.0, reads all that the role can say; it does not run it."""

from __future__ import annotations

import typing as t

import pytest
from edge import BALANCERS
from grammar import PLACE, defaults, full, read_by

from lab.cluster import Lab

# isort: split
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.haproxy import balance  # the path is grammar's
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.haproxy.files import (
    haproxy_files,
    haproxy_main,
    haproxy_secret_files,
)

pytestmark = [pytest.mark.once, pytest.mark.stage("first")]
BASE = {**defaults("haproxy"), "name": "app", "local_peer": "lb1", "state_file": "/var/lib/haproxy/mixed_lb.state"}
SERVER = {"name": "a", "address": "192.0.2.21", "port": 80}
ARGUMENTS = {"url_param": "user", "hdr": "X-User", "hash": "src", "log-hash": "crc32", "uri": "depth 2", "random": "2"}
TCP = {"rdp-cookie": "mstshash"}
NEWER = ("sticky", "log-hash")
METHODS = ("map-based", "consistent")
FUNCTIONS = ("", "sdbm", "djb2", "wt6", "crc32", "none")


def check(lab: Lab, host: str, **options: t.Any) -> None:
    options = {**BASE, **options}
    made = {"/etc/haproxy/haproxy.cfg": haproxy_main(options)}
    made |= {each["path"]: each["content"] for each in [*haproxy_files(options), *haproxy_secret_files(options)]}
    moved = {
        path: text.replace("/etc/haproxy", f"{PLACE}/etc/haproxy").replace("/etc/ssl/private", PLACE)
        for path, text in made.items()
    }
    pem = "cp /etc/ssl/shop/shop.example.pem shop.pem; cp shop.pem c.pem"
    read_by(lab, host, moved, f"{pem}; haproxy -c -f etc/haproxy/haproxy.cfg -f etc/haproxy/mixed_lb")


def version(lab: Lab, host: str) -> str:
    return lab.run(host, "dpkg-query -W -f '${Version}' haproxy")


@pytest.mark.parametrize("balancer", BALANCERS)
def test_about_everything(lab: Lab, balancer: str) -> None:
    options = full("haproxy")
    # which the lab's hosts have not
    options["resolvers"][0]["resolv_conf"] = False
    check(lab, balancer, **options, version=version(lab, balancer))


@pytest.mark.parametrize("balancer", BALANCERS)
def test_every_algorithm_with_every_hash(lab: Lab, balancer: str) -> None:
    """Those that the version has; the newer ones are refused by the role where it has not."""
    has = version(lab, balancer)
    new = has.startswith("3.")
    backends: list[dict[str, t.Any]] = []
    for algorithm in balance.ALGORITHMS:
        if algorithm in NEWER and not new:
            with pytest.raises(ValueError, match=r"needs HAProxy 3\.0"):
                haproxy_files({**BASE, "version": has, "backends": [backend(algorithm)]})
            continue
        backends.append(backend(algorithm))
    for number, words in enumerate(
        f"{method} {function} {modifier}".split()
        for method in METHODS
        for function in FUNCTIONS
        for modifier in (("", "avalanche") if function else ("",))
        if new or function != "none"
    ):
        hashed = {**backend("hash"), "name": f"hash{number}", "hash_type": " ".join(words)}
        backends.append(hashed | ({"hash_balance_factor": 125} if words[0] == "consistent" else {}))
    if new:
        consistent = {**backend("hash"), "hash_type": "consistent"}
        backends += [{**consistent, "name": f"by-{key}", "hash_key": key} for key in ("id", "addr", "addr-port")]
    check(lab, balancer, backends=backends, version=has)


def backend(algorithm: str) -> dict[str, t.Any]:
    made = {"name": algorithm, "balance": algorithm, "servers": [SERVER]}
    if argument := {**ARGUMENTS, **TCP}.get(algorithm):
        made["balance_on"] = argument
    if algorithm in TCP:
        made["mode"] = "tcp"
    if algorithm in NEWER:
        made |= {"mode": "log", "servers": [{**SERVER, "address": "udp@192.0.2.21", "check": False}]}
    return made


@pytest.mark.parametrize("balancer", BALANCERS)
def test_every_cookie(lab: Lab, balancer: str) -> None:
    cookies = [
        {"mode": "insert", "postonly": True, "preserve": True, "httponly": True, "secure": True, "dynamic": False},
        {
            "mode": "insert",
            "indirect": False,
            "nocache": False,
            "domain": ".example",
            "max_idle": "1h",
            "max_life": "8h",
        },
        {"mode": "rewrite", "nocache": True, "attributes": ["SameSite=Strict"]},
        {"mode": "prefix", "nocache": True},
    ]
    backends = [
        {"name": f"cookie{number}", "cookie": {"name": "SRV", **each}, "servers": [SERVER]}
        for number, each in enumerate(cookies)
    ]
    check(lab, balancer, backends=backends, version=version(lab, balancer))
