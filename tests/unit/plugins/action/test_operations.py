# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of operations, by the real ansible-playbook, over hosts that answer what a test wants."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.plugins.action.stand_ins import asked, called, play

pytestmark = pytest.mark.plays

VIPS = ("192.0.2.100", "2001:db8:0:2::100")
WEB = ("web1", "web2", "web3")
NETS = ("192.0.2.2", "2001:db8:0:2::2")
WEIGHTS = {"web1": 1, "web2": 1, "web3": 2}
Answers = dict[str, dict[str, t.Any]]


def seen(**more: t.Any) -> dict[str, t.Any]:
    nothing: dict[str, t.Any] = dict.fromkeys(("ipvs", "haproxy", "nginx", "keepalived"))
    nics = [{"name": "eth0", "addresses": list(VIPS)}]
    return {**nothing, "interfaces": nics, "units": {}, "drained": {}, "configurations": {}, "problems": [], **more}


def service(vip: str, net: str, protocol: str, weights: dict[str, int]) -> dict[str, t.Any]:
    counters = {"active_connections": 0, "inactive_connections": 0, "rates": {"connections": 0}}
    return {
        "protocol": protocol,
        "address": vip,
        "port": 8080,
        "scheduler": "wrr",
        "destinations": [
            {"address": net + name[-1], "port": 8080, "weight": weight, **counters} for name, weight in weights.items()
        ],
    }


def answers(weights: dict[str, int] | None = None, **director: t.Any) -> Answers:
    """The hosts of inventories/lvs_dr, all in order but for what is given."""
    given = WEIGHTS if weights is None else weights
    table = [service(*place, kind, given) for place in zip(VIPS, NETS, strict=True) for kind in ("tcp", "udp")]
    wait = {"connections": 0, "left": {}, "waited": 1}
    lb1 = {"stack_info": seen(ipvs={"services": table}, **director), "drain_wait": wait}
    return {"lb1": lb1, **{name: {"stack_info": seen()} for name in WEB}}


def run(
    collections: pathlib.Path, playbook: str, said: Answers, *words: str, **variables: t.Any
) -> subprocess.CompletedProcess[str]:
    more = json.dumps({"answers": said, **variables})
    return play(collections, f"playbooks/{playbook}.yml", "lvs_dr", "-e", more, *words)


def text(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_status_shows_hosts_that_are_away(collections: pathlib.Path) -> None:
    said = answers()
    del said["web2"]
    done = run(collections, "status", said)
    assert done.returncode == 0, text(done)
    assert "host web2: was not reached" in text(done)
    assert "No findings." in text(run(collections, "status", answers()))


def test_drain_tells_the_director_alone_and_takes_its_step(collections: pathlib.Path) -> None:
    done = run(collections, "drain", answers(), lb_host="web1")
    assert done.returncode == 0, text(done)
    ((host, words),) = asked(done, "drained_members")
    assert host == "lb1"
    assert json.loads(words) == {"name": "web1", "addresses": [f"{net}1" for net in NETS], "state": "drained"}
    assert called(done) == [("director", "lb1")]
    ((host, words),) = asked(done, "drain_wait")
    assert host == "lb1" and {one["address"] for one in json.loads(words)["members"]} == {f"{net}1" for net in NETS}


def test_what_is_left_is_said(collections: pathlib.Path) -> None:
    said = answers()
    said["lb1"]["drain_wait"] = {"connections": 7, "left": {"192.0.2.21": 7}, "waited": 60}
    assert "after 60 s there are still connections" in text(run(collections, "drain", said, lb_host="web1"))


def test_a_refused_drain_changes_nothing(collections: pathlib.Path) -> None:
    for said, host in ((answers(), "web9"), (answers({"web1": 1}), "web1"), (answers(), "lb1")):
        done = run(collections, "drain", said, lb_host=host)
        assert done.returncode == 2
        assert f"{host} cannot be drained" in text(done)
        assert (called(done), asked(done, "drained_members")) == ([], [])


def proxies(collections: pathlib.Path, playbook: str, state: str, **variables: t.Any) -> str:
    """A playbook that is refused over inventories/nginx_pair, whose second proxy is in this state."""
    said: Answers = {name: {"stack_info": seen(interfaces=[])} for name in ("web1", "web2")}
    for host, it in (("edge1", "master"), ("edge2", state)):
        instances = [{"name": f"shop{version}", "state": it, "last_transition": 0.0} for version in (4, 6)]
        keepalived = {"instances": instances, "maintenance": [], "moving": []}
        units = dict.fromkeys(("keepalived.service", "nginx.service"), "active")
        nics = [{"name": "eth0", "addresses": list(VIPS) if it == "master" else []}]
        said[host] = {"stack_info": seen(interfaces=nics, keepalived=keepalived, units=units)}
    more = json.dumps({"answers": said, **variables})
    done = play(collections, f"playbooks/{playbook}.yml", "nginx_pair", "-e", more)
    assert done.returncode == 2, text(done)
    return text(done)


def test_the_vips_stay_with_the_only_one_that_can_hold_them(collections: pathlib.Path) -> None:
    words = "VRRP instance shop4 is fault there"
    assert f"edge1 cannot be drained: tier shop would have 0 of 2 hosts left (edge2: {words}" in proxies(
        collections, "drain", "fault", lb_host="edge1"
    )
    said = proxies(collections, "failover", "fault", lb_tier="shop", lb_to="edge2")
    assert f"the VIPs of shop cannot go to edge2: {words}" in said


def test_what_nothing_here_can_drain_is_said(collections: pathlib.Path) -> None:
    said = {name: {"stack_info": seen()} for name in WEB}

    def drained(playbook: str, **variables: t.Any) -> tuple[int, str]:
        more = json.dumps({"answers": said, "lb_host": "web1", **variables})
        done = play(collections, f"playbooks/{playbook}.yml", "dsr_behind_appliance", "-e", more)
        return done.returncode, text(done)

    why = "appliance is somebody else's and would go on sending to web1: take them out there"
    code, words = drained("drain")
    assert code == 2 and f"web1 cannot be drained: {why}" in words
    for playbook, variables in (("drain", {"lb_by_hand": "true"}), ("decommission", {})):
        code, words = drained(playbook, **variables)
        assert code == 0 and f"not drained: {why}" in words, words


def test_a_director_without_keepalived_has_no_maintenance(collections: pathlib.Path) -> None:
    """Writing the file would fail: nothing has made its folder."""
    app = {"name": "app", "kind": "lvs", "hosts": "directors", "mode": "dr", "vips": list(VIPS), "backend": "web"}
    stack = {"tiers": [{**app, "min_available": 0}, {"name": "web", "kind": "servers", "hosts": "web", "port": 8080}]}
    for playbook, words in (("drain", "not drained: no keepalived moves the VIPs of tier app"), ("undrain", "")):
        done = run(collections, playbook, answers(), lb_host="lb1", lb_stack=stack)
        assert done.returncode == 0 and words in text(done), text(done)


def test_a_dead_real_server_can_be_drained(collections: pathlib.Path) -> None:
    said = answers({"web2": 1, "web3": 2})
    del said["web1"]
    done = run(collections, "drain", said, lb_host="web1")
    assert done.returncode == 0, text(done)
    assert called(done) == [("director", "lb1")]


def test_undrain(collections: pathlib.Path) -> None:
    done = run(collections, "undrain", answers(drained={"web1": ["192.0.2.21"]}), lb_host="web1")
    assert done.returncode == 0, text(done)
    ((host, words),) = asked(done, "drained_members")
    assert (host, json.loads(words)["state"]) == ("lb1", "present")
    assert called(done) == [("director", "lb1")]


def test_who_was_drained_under_another_name_is_taken_back(collections: pathlib.Path) -> None:
    """By that name, which the inventory no longer has, or by its own."""
    said = answers(drained={"old1": ["192.0.2.21"]})
    for name, addresses in (("old1", []), ("web1", [f"{net}1" for net in NETS])):
        done = run(collections, "undrain", said, lb_host=name)
        assert done.returncode == 0, text(done)
        ((host, words),) = asked(done, "drained_members")
        assert (host, json.loads(words)) == ("lb1", {"name": name, "addresses": addresses, "state": "present"})
        assert called(done) == [("director", "lb1")]
    done = run(
        collections,
        "undrain",
        answers(WEIGHTS | {"web1": 0}, drained={"old1": ["192.0.2.21"]}),
        lb_host="old1",
        lb_undrain_timeout=1,
    )
    assert "web1 should serve again, but lb1 sends nothing there" in text(done)


def test_an_undrain_of_nobody_is_refused(collections: pathlib.Path) -> None:
    done = run(collections, "undrain", answers(), lb_host="wbe1")
    assert done.returncode == 2
    assert "wbe1 cannot be taken back: no tier has a host wbe1" in text(done)
    assert (called(done), asked(done, "drained_members")) == ([], [])


def test_who_does_not_serve_after_an_undrain_is_named(collections: pathlib.Path) -> None:
    for weights in (WEIGHTS | {"web1": 0}, {"web2": 1, "web3": 2}):
        done = run(collections, "undrain", answers(weights), lb_host="web1", lb_undrain_timeout=1)
        assert done.returncode == 2
        assert "web1 should serve again, but lb1 sends nothing there" in text(done)


def test_drift_names_the_steps_and_the_findings_of_each_host(collections: pathlib.Path) -> None:
    done = run(collections, "drift", answers())
    assert done.returncode == 0, text(done)
    assert len(called(done)) == 4
    done = run(collections, "drift", answers(), odd="web2")
    assert done.returncode == 2
    assert "web2 differs from the description: app: real servers (dr)" in text(done)
    assert "lb1 differs" not in text(done) and "web1 differs" not in text(done)
    done = run(collections, "drift", answers(WEIGHTS | {"web1": 9}))
    assert done.returncode == 2
    assert "is described with weight 1, but has weight 9" in text(done)
    assert "web1 differs" not in text(done)


def test_drift_sees_what_is_closed_where_that_is_asked_for(collections: pathlib.Path) -> None:
    done = run(collections, "drift", answers(), odd="web2", lb_firewall=True)
    assert done.returncode == 2
    assert "web2 differs from the description: app: real servers (dr); firewall" in text(done)
    assert "lb1 differs" not in text(done)


def test_repair_builds_the_stack_and_looks_again(collections: pathlib.Path) -> None:
    done = run(collections, "drift", answers(), repair=True, odd="web2")
    assert done.returncode == 0, text(done)
    assert "put right: app: real servers (dr)" in text(done)
    assert len(called(done)) == 8
    # what site.yml cannot put right
    done = run(collections, "drift", answers(WEIGHTS | {"web1": 9}), repair=True)
    assert done.returncode == 2 and "is described with weight 1, but has weight 9" in text(done)


def tasks(folder: pathlib.Path, name: str, *lines: str) -> str:
    file = folder / f"{name}.yml"
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


def test_rolling_takes_one_after_the_other(collections: pathlib.Path, tmp_path: pathlib.Path) -> None:
    probe = tasks(tmp_path, "probe", "- debug: {msg: 'CALLED x probe {{ lb_hosts | join }} 0'}", "  run_once: true")
    work = tasks(tmp_path, "work", "- debug: {msg: 'CALLED x work {{ inventory_hostname }} 0'}")
    more = {"lb_roll": "web", "lb_tasks": work, "lb_probe": probe}
    done = run(collections, "rolling", answers(), **more)
    assert done.returncode == 0, text(done)
    each = ["director", "work", "probe", "director"]
    assert [part for part, _host in called(done)] == each * 3
    assert [host for part, host in called(done) if part in ("work", "probe")] == [x for x in WEB for _turn in range(2)]
    done = run(collections, "rolling", answers(), **more, lb_batch=2)
    assert [host for part, host in called(done) if part == "probe"] == ["web1web2", "web3"]


def test_rolling_stops_at_the_first_failure(collections: pathlib.Path, tmp_path: pathlib.Path) -> None:
    probe = tasks(tmp_path, "probe", "[]")
    work = tasks(
        tmp_path,
        "work",
        "- debug: {msg: 'CALLED x work {{ inventory_hostname }} 0'}",
        "- name: Update",
        "  fail: {msg: broken}",
        "  when: inventory_hostname == 'web2'",
    )
    done = run(collections, "rolling", answers(), lb_roll="web", lb_tasks=work, lb_probe=probe)
    assert done.returncode == 2
    assert "web2 stay drained, and no other host was touched: web2, Update: broken" in text(done)
    assert [host for part, host in called(done) if part == "work"] == ["web1", "web2"]
    states = [json.loads(words)["state"] for _host, words in asked(done, "drained_members")]
    assert states == ["drained", "present", "drained"]


def test_rolling_runs_a_role(collections: pathlib.Path, tmp_path: pathlib.Path) -> None:
    probe = tasks(tmp_path, "probe", "[]")
    (tmp_path / "update" / "tasks").mkdir(parents=True)
    tasks(tmp_path / "update" / "tasks", "main", "- debug: {msg: 'CALLED x work {{ inventory_hostname }} 0'}")
    role = str(tmp_path / "update")
    done = run(collections, "rolling", answers(), lb_roll="web1,web3", lb_role=role, lb_probe=probe)
    assert done.returncode == 0, text(done)
    assert [host for part, host in called(done) if part == "work"] == ["web1", "web3"]
