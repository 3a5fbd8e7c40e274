# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair at rest: one holder a tier, every mode serves, shares follow the weights, connections are shared."""

from __future__ import annotations

import itertools
import time

import pytest
from ask import ask, share
from clients import PATIENT, Clients, broken
from described import Described
from pair import DETECTION, Pair
from play import site

from lab.cluster import Lab

ROUNDS = 3
# The interval of the check of VIPs instead of two seconds.
VIP_DETECTION = DETECTION + 2


def test_every_service_serves_in_its_share(lab: Lab, stack: Described, pair: Pair) -> None:
    pair.settle()
    weights = {host: stack.weight(host) for host in stack.real_servers}
    for tier in stack.fronts:
        for service in stack.services_of(tier):
            wanted = weights if service.scheduler == "wrr" else dict.fromkeys(weights, 1)
            answers = ask(lab, service, ROUNDS * sum(wanted.values()))
            assert share(answers) == {host: ROUNDS * weight for host, weight in wanted.items()}, service


def test_both_have_the_table(lab: Lab, pair: Pair) -> None:
    """The one that waits could take over at once: same services, same real servers."""
    tables = [lab.run(host, "ipvsadm -Sn | sort") for host in pair.hosts]
    assert tables[0] == tables[1] and tables[0]


def test_each_director_sends_and_receives_connections(lab: Lab, pair: Pair) -> None:
    """Whoever holds the VIPs: nothing of it has to be changed when they move."""
    for host in pair.hosts:
        running = {line.split()[0] for line in lab.run(host, "ipvsadm -Ln --daemon").splitlines()}
        assert running == {"master", "backup"}, host


@pytest.mark.once
@pytest.mark.stage("second")
def test_tiers_share_connections_wherever_they_are(pair: Pair, clients: Clients) -> None:
    """Two tiers on two directors: each knows of the other's connections, and takes them over."""
    first, second, *_rest = clients.services
    pair.gather()
    one, two = list(pair.tiers)[:2]
    pair.move(two)
    holders = pair.settle()
    downloads = [clients.download(service) for service in (first, second)]
    clients.is_known(downloads[0], holders[two])
    clients.is_known(downloads[1], holders[one])
    pair.move(one)
    pair.move(two)
    assert broken(downloads) == []


@pytest.mark.once
@pytest.mark.stage("first")
def test_what_others_put_there_is_reported_and_removed(lab: Lab, stack: Described, pair: Pair) -> None:
    """A service, a real server and a scheduler that are not of the tier; what is elsewhere stays."""
    service = next(one for one in stack.services_of(stack.front) if one.protocol == "tcp" and ":" not in one.vip)
    ours, beside, elsewhere = f"{service.vip}:{service.port}", f"{service.vip}:81", "192.0.2.199:81"
    before = lab.run("lb2", "ipvsadm -Sn | sort")
    foreign = [
        f"-A -t {beside} -s rr",
        f"-A -t {elsewhere} -s rr",
        f"-a -t {ours} -r 192.0.2.66 -g -w 1",
        f"-E -t {ours} -s sh",
    ]
    lab.run("lb2", "".join(f"ipvsadm {words}; " for words in foreign))
    assert "192.0.2.66 port" in site("lb2") and lab.run("lb2", "ipvsadm -Sn | sort") != before
    site("lb2", keepalived_foreign_entries="remove")
    lab.run("lb2", f"ipvsadm -D -t {elsewhere}")
    assert lab.run("lb2", "ipvsadm -Sn | sort") == before


@pytest.mark.once
def test_a_start_takes_away_what_a_killed_one_left(lab: Lab, stack: Described, pair: Pair) -> None:
    """A real server that keepalived does not know of is in the table of its service; somebody else's service is not its business."""
    service = next(one for one in stack.services_of(stack.front) if one.protocol == "tcp" and ":" not in one.vip)
    waits = pair.other(pair.gather())
    others = "ipvsadm -A -t 192.0.2.199:81; ipvsadm -a -t 192.0.2.199:81 -r 192.0.2.67 -g"
    lab.run(waits, f"{others}; ipvsadm -a -t {service.vip}:{service.port} -r 192.0.2.66 -g -w 1")
    lab.run(waits, "systemctl restart keepalived")
    pair.wait_for_pools()
    table = lab.run(waits, "ipvsadm -Sn")
    lab.run(waits, "ipvsadm -D -t 192.0.2.199:81")
    assert "192.0.2.66" not in table and "192.0.2.199:81" in table


@pytest.mark.once
def test_a_dead_real_server_leaves_and_comes_back(lab: Lab, stack: Described, pair: Pair, clients: Clients) -> None:
    """Out of all pools in time; then no request fails. Nobody moves for that."""
    with pair.one_holder_at_every_look():
        forgotten = pair.watch(stack.addresses("web2"))
        lab.power_cut(["web2"])
        begin = time.monotonic()
        try:
            assert forgotten() - begin <= DETECTION + 1
            with clients.asking("without a real server", PATIENT) as seen:
                for tier in stack.fronts:
                    for service in stack.services_of(tier):
                        assert set(share(ask(lab, service, 20))) == {"web1"}, service
            assert all(found["failed"] == 0 and set(found["servers"]) == {"web1"} for found in seen.values()), seen
        finally:
            lab.power_on(["web2"])
        pair.wait_for_server(stack.addresses("web2"))
    pair.wait_for_pools()


# What takes the VIPs of a tier or the way to them from a real server, and what gives it back.
VIPS = "for vip in 192.0.2.100/32 2001:db8:0:2::100/128; do ip address {} $vip dev lo; done"
DEVICES = "for device in $(ip -brief link | grep -o '^lvs-[^@ ]*'); do ip link set $device {}; done"


@pytest.mark.once
@pytest.mark.stage("second")
@pytest.mark.parametrize(
    ("name", "breaks", "mends"),
    [
        ("app", VIPS.format("del"), VIPS.format("add")),
        ("far", DEVICES.format("down"), DEVICES.format("up")),
    ],
)
def test_who_does_not_answer_for_the_vip_leaves(
    lab: Lab, stack: Described, pair: Pair, name: str, breaks: str, mends: str
) -> None:
    """On its own address it answers as before, so it stays in the pools of other tiers; both directors find it out."""
    services = stack.services_of(stack.tier(name))
    found = "for i in $(seq 300); do ipvsadm -Ln -t {} | grep -q '[.:]22]*:' {} exit 0; sleep 0.1; done; exit 1"
    keys = [f"[{one.vip}]:{one.port}" if ":" in one.vip else f"{one.vip}:{one.port}" for one in services]
    lab.run("web2", breaks)
    begin = time.monotonic()
    try:
        for host, key in itertools.product(pair.hosts, keys):
            lab.run(host, found.format(key, "||"))
        assert time.monotonic() - begin <= VIP_DETECTION + 1
        for service in services:
            assert set(share(ask(lab, service, 10))) == {"web1"}
        for host in pair.hosts:
            lab.run(host, "ipvsadm -Ln -t 192.0.2.120:80 | grep -q 192.0.2.22:8081")
    finally:
        lab.run("web2", mends)
    for host, key in itertools.product(pair.hosts, keys):
        lab.run(host, found.format(key, "&&"))
    for service in services:
        assert set(share(ask(lab, service, 10))) == {"web1", "web2"}
