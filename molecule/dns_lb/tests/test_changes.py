# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New zones: the broken are refused and change nothing, the good ones lose no question, what went is gone."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ask_dns import SERVERS, SITES, Names
from frame import PROJECT
from play import play, refused
from web import Sites

from lab.cluster import Lab

FILES = "/etc/powerdns /etc/systemd/system/pdns.service.d /var/lib/mixed_lb"
STATE = f"find {FILES} -type f -exec sha256sum {{}} + | sort; systemctl show -p MainPID,NRestarts pdns"
FIRST = yaml.safe_load((PROJECT / "inventories" / "dns_lb" / "group_vars" / "dns.yml").read_text())["dns_lb_zones"]


def with_record(**record: t.Any) -> dict[str, t.Any]:
    """The zones as they are, and one record more."""
    return {"dns_lb_zones": [{**FIRST[0], "records": [*FIRST[0]["records"], record]}]}


def with_check_option(name: str) -> dict[str, t.Any]:
    """The zones, with an option of a check."""
    zone = FIRST[0]
    www = {**zone["balanced"][0], "check": {**zone["balanced"][0]["check"], "options": {name: "1"}}}
    return {"dns_lb_zones": [{**zone, "balanced": [www, *zone["balanced"][1:]]}]}


@pytest.mark.stage("first")
@pytest.mark.parametrize(
    ("host", "zones", "words"),
    [
        ("edge1", with_record(name="lua", type="LUA", values=['A "pickrandom({"']), "Lua record"),
        ("edge2", with_record(name="odd", type="LUA", values=["A \"picksomething({'192.0.2.1'})\""]), "picksomething"),
        ("edge2", with_record(name="bad", type="MX", values=["mail.shop.example"]), "bad.shop.example MX: no answer"),
        ("edge1", with_check_option("minimumFailures"), "minimumFailures needs PowerDNS 5.0"),
        ("edge2", with_check_option("timeuot"), "no known version of PowerDNS has timeuot"),
    ],
    ids=["syntax", "function", "value", "version", "option"],
)
def test_broken_zones_are_refused(
    lab: Lab, names: Names, sites: Sites, host: str, zones: dict[str, t.Any], words: str
) -> None:
    """With the server's own words; it goes on as before."""
    before = lab.run(host, STATE)
    with names.watched(host, "www.shop.example") as seen:
        said = refused(zones, host)
    assert words in said, said
    assert lab.run(host, STATE) == before
    assert seen["unanswered"] == 0 and set(seen["statuses"]) == {"NOERROR"}, seen


@pytest.mark.stage("first")
def test_a_reload_loses_no_question(lab: Lab, names: Names, sites: Sites) -> None:
    """Nor does it forget which addresses are dead."""
    sites["web3"].stop()
    names.wait(lambda server: SITES["web3"] not in names.ask(server, "www.shop.example").values(), "web3 is out")
    for server in SERVERS:
        with names.watched(server, "www.shop.example") as seen:
            for _turn in range(2):
                lab.run(server, "systemctl reload pdns")
        assert seen["unanswered"] == 0 and set(seen["statuses"]) == {"NOERROR"}, seen
        assert set(seen["addresses"]) == {SITES["web1"], SITES["web2"]}, seen


@pytest.mark.stage("first")
def test_a_change_loses_no_question(lab: Lab, names: Names, sites: Sites) -> None:
    """A new name with a new address: it is not answered before it is checked, the others go on."""
    new = {
        "name": "new", "answer": "all", "when_down": "all", "addresses": [{"address": "192.0.2.22"}, {"address": "192.0.2.97"}],
        "check": {"type": "tcp", "port": 8080, "timeout": 1},
    }  # fmt: skip
    pid = lab.run("edge1", "systemctl show -p MainPID pdns")
    with names.watched("edge1", "www.shop.example") as seen, names.watched("edge1", "new.shop.example") as fresh:
        done = play({"dns_lb_zones": [{**FIRST[0], "balanced": [*FIRST[0]["balanced"], new]}]}, "--limit", "edge1")
    back = play({}, "--limit", "edge1")
    assert done.returncode == back.returncode == 0, done.stdout + back.stdout
    assert seen["unanswered"] == 0 and set(seen["statuses"]) == {"NOERROR"}, seen
    assert fresh["unanswered"] == 0 and set(fresh["addresses"]) == {"192.0.2.22"}, fresh
    # From "no such name" by "not known yet" to the answer.
    assert set(fresh["statuses"]) >= {"NXDOMAIN", "NOERROR"}, fresh
    assert names.ask("edge1", "new.shop.example").status == "NXDOMAIN"
    assert lab.run("edge1", "systemctl show -p MainPID pdns") == pid


@pytest.mark.stage("second")
def test_nothing_stale_after_a_change(lab: Lab, names: Names, sites: Sites) -> None:
    """The renamed name, the absent record and the absent address are gone, from disk too."""
    for server in SERVERS:
        for name in ("cdn", "mail", "near"):
            assert names.ask(server, f"{name}.shop.example").status == "NXDOMAIN"
        assert SITES["web3"] not in names.ask(server, "www.shop.example").values()
        assert "cdn" not in lab.run(server, "cat /etc/powerdns/mixed_lb/*.zone /etc/powerdns/mixed_lb/*.names")
