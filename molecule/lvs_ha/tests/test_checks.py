# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of check, and what a virtual server does when too few real servers pass: told by the tables of both directors."""

from __future__ import annotations

import concurrent.futures
import contextlib
import subprocess
import time
import typing as t

import pytest
from clients import PATIENT, Clients
from drills import check_all_answered
from frame import PROJECT
from pair import Pair
from play import play
from waiting import until

from lab.capture import Capture
from lab.cluster import Lab

pytestmark = [pytest.mark.once, pytest.mark.stage("first"), pytest.mark.thorough]
PLAYBOOK = "molecule/lvs_ha/checks.yml"
WEB1, WEB2, SORRY = "192.0.2.21", "192.0.2.22", "192.0.2.99"
BOTH, SICK = {WEB1: 1, WEB2: 1}, {WEB2: 1}
SSL, SMTP, DNS, UDP, PING, MISC, BFD, QUORUM, INHIBIT, WEIGHED, METHODS = range(1, 12)
# An interval of a second, two time-outs and a pause of one each, and two more: it takes a login to see a table.
BOUND = 1 + 1 + 1 + 1 + 2
# The same of checks of VIPs, which cost a process each: four seconds, and three to wait.
VIP_BOUND = 4 + 3 + 1 + 3 + 2
HOSTS = ("lb1", "lb2")

Pools = dict[str, dict[str, int]]


def converge(lab: Lab, state: str = "present", *words: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
    return play({"checks_state": state, **variables}, *words, playbook=PLAYBOOK)


@pytest.fixture(scope="module")
def checks(lab: Lab) -> t.Iterator[None]:
    """The virtual servers, while the tests of this file run."""
    key, certificate = (PROJECT / ".lab" / "scenarios" / name for name in ("lvs_ha.key", "lvs_ha.crt"))
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=shop.example"
    subprocess.run([*words.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    certificate.with_suffix(".pem").write_text(certificate.read_text() + key.read_text())
    for host in HOSTS:
        lab.run(host, "echo 9 >/run/checks-weight; echo 0 >/run/checks-sick; rm -f /tmp/checks-*")
    done = converge(lab)
    assert done.returncode == 0, done.stdout + done.stderr
    yield
    done = converge(lab, "absent")
    assert done.returncode == 0, done.stdout + done.stderr
    for host in HOSTS:
        lab.run(host, "rm /tmp/checks-* /run/checks-*")


def pools(lab: Lab, host: str) -> Pools:
    """Real servers and their weights by virtual server: its port at 192.0.2.150, else all that it is called by."""
    found: Pools = {}
    for line in lab.run(host, "ipvsadm -Sn").splitlines():
        words = line.split()
        place = words[2].removeprefix("192.0.2.150:") + (" six" if "-6" in words else "")
        if words[0] == "-A":
            found[place] = {}
        else:
            found[place][words[words.index("-r") + 1].rpartition(":")[0]] = int(words[words.index("-w") + 1])
    return found


def wait(lab: Lab, place: object, wanted: dict[str, int]) -> None:
    wait_for(lab, {place: wanted})


def wait_for(lab: Lab, wanted: t.Mapping[object, dict[str, int]]) -> None:
    """Until these places are so on both directors, which are looked at side by side."""

    def on(host: str) -> None:
        def look() -> dict[object, dict[str, int] | None]:
            found = pools(lab, host)
            return {place: found.get(str(place)) for place in wanted}

        until(look, wanted, f"so on {host}")

    with concurrent.futures.ThreadPoolExecutor() as threads:
        list(threads.map(on, HOSTS))


@contextlib.contextmanager
def broken(lab: Lab, breaks: str, mends: str, host: str = "web1") -> t.Iterator[float]:
    """Meanwhile that is broken on the host; since when."""
    lab.run(host, breaks)
    try:
        yield time.monotonic()
    finally:
        lab.run(host, mends)


@pytest.mark.usefixtures("checks")
@pytest.mark.parametrize(
    ("ports", "breaks", "mends"),
    [
        ((SSL, SMTP, DNS, UDP), "touch /run/checks/sick", "rm /run/checks/sick"),
        ((PING,), "sysctl -q net.ipv4.icmp_echo_ignore_all=1", "sysctl -q net.ipv4.icmp_echo_ignore_all=0"),
        ((BFD,), "systemctl kill -s STOP bfd", "systemctl kill -s CONT bfd"),
    ],
    ids=["protocols", "ping", "bfd"],
)
def test_who_fails_a_check_leaves_and_comes_back(
    lab: Lab, pair: Pair, ports: tuple[int, ...], breaks: str, mends: str
) -> None:
    """In time, on both directors; the other real server stays."""
    wait_for(lab, dict.fromkeys(ports, BOTH))
    with broken(lab, breaks, mends) as begin:
        wait_for(lab, dict.fromkeys(ports, SICK))
        assert time.monotonic() - begin <= BOUND
    wait_for(lab, dict.fromkeys(ports, BOTH))


@pytest.mark.usefixtures("checks")
def test_a_program_says_the_weight(lab: Lab, pair: Pair) -> None:
    """By its exit code, as nobody; one that is no check of weights passes or fails."""
    wait(lab, MISC, {WEB1: 7, WEB2: 1})
    for code, wanted in ((5, {WEB1: 3}), (1, {}), (9, {WEB1: 7, WEB2: 1})):
        for host in pair.hosts:
            lab.run(host, f"echo {code} >/run/checks-weight")
        wait(lab, MISC, wanted)


def say(lab: Lab, server: str, number: int) -> None:
    """What the file of a real server says on both directors."""
    for host in HOSTS:
        lab.run(host, f"echo {number} >/run/checks-{server}")


@pytest.mark.usefixtures("checks")
def test_quorum_with_hysteresis_and_a_sorry_server(lab: Lab, pair: Pair) -> None:
    """Three of five are the quorum, and one more or less changes nothing; programs are told."""
    try:
        wait(lab, QUORUM, {WEB1: 3, WEB2: 2})
        say(lab, "web1", 1)
        wait(lab, QUORUM, {WEB2: 2})
        say(lab, "web2", 1)
        wait(lab, QUORUM, {SORRY: 1})
        say(lab, "web1", 0)
        # three are not enough yet: what is seen elsewhere is seen here, and changes nothing
        wait(lab, INHIBIT, {WEB1: 3, WEB2: 0})
        wait(lab, QUORUM, {SORRY: 1})
        say(lab, "web2", 0)
        wait(lab, QUORUM, {WEB1: 3, WEB2: 2})
    finally:
        say(lab, "web1", 0)
        say(lab, "web2", 0)
    for host in pair.hosts:
        assert lab.run(host, "cat /tmp/checks-quorum").split() == ["up", "down", "up"]


@pytest.mark.usefixtures("checks")
def test_a_file_takes_a_real_server_out_or_some_of_its_weight(lab: Lab, pair: Pair) -> None:
    """Where it is inhibited it stays in the table, with weight 0."""
    try:
        say(lab, "web1", 1)
        wait(lab, INHIBIT, {WEB1: 0, WEB2: 2})
        wait(lab, WEIGHED, {WEB1: 5})
    finally:
        say(lab, "web1", 0)
    wait(lab, INHIBIT, {WEB1: 3, WEB2: 2})
    wait(lab, WEIGHED, {WEB1: 10})


@pytest.mark.usefixtures("checks")
def test_methods_marks_and_timeouts(lab: Lab, pair: Pair) -> None:
    """Each real server is forwarded to in its own way; marks are services of either family."""
    for host in pair.hosts:
        wait(lab, "77 six", {"[2001:db8:0:2::21]": 1})
        wait(lab, "77", BOTH)
        table = lab.run(host, "ipvsadm -Sn").splitlines()
        ways = {line.partition(" -r ")[2] for line in table if f" 192.0.2.150:{METHODS} " in line and " -r " in line}
        assert ways == {
            f"{WEB1}:{METHODS} -g -w 4",
            f"{WEB2}:8081 -m -w 1",
            f"192.0.2.23:{METHODS} -i -w 1 --tun-type gue --tun-port 6081 --tun-nocsum",
        }
        assert "-A -f 77 -s rr -p 60" in table
        assert lab.run(host, "ipvsadm -Ln --timeout").split()[-3:] == ["700", "70", "170"]


@pytest.mark.usefixtures("checks")
@pytest.mark.parametrize("vip", ["192.0.2.151", "192.0.2.152"], ids=["gue", "gre"])
def test_who_does_not_open_the_tunnel_leaves(lab: Lab, pair: Pair, vip: str) -> None:
    """The director asks for the VIP inside the tunnel; on its own address the real server answers as before."""
    name = {"192.0.2.151": "check-gue", "192.0.2.152": "check-gre"}[vip]
    service, hold = f"{vip}:8080", f"ip address {{}} {vip}/32 dev lo"
    wait(lab, service, BOTH)
    devices = "for device in $(ip -brief link show type {kind} | cut -d@ -f1); do ip link set $device {state}; done"
    kind = "gre" if name == "check-gre" else "ipip"
    with broken(lab, devices.format(kind=kind, state="down"), devices.format(kind=kind, state="up")) as begin:
        wait(lab, service, SICK)
        assert time.monotonic() - begin <= VIP_BOUND
    wait(lab, service, BOTH)
    with broken(lab, hold.format("del"), hold.format("add")):
        wait(lab, service, SICK)
    wait(lab, service, BOTH)


@pytest.mark.usefixtures("checks")
def test_a_vip_by_multicast_follows_what_is_watched(lab: Lab, pair: Pair) -> None:
    """It goes with a file that costs priority and with a program that fails, and comes back; nobody's program is told."""
    found = "ip -brief address show dev eth0 | grep -c ' 192.0.2.159/32' || true"

    def holders() -> list[str]:
        return [host for host in pair.hosts if lab.run(host, found).strip() == "1"]

    until(holders, ["lb1"], "the first one has it")
    with Capture(lab, "lb2.0", "vrrp and dst host 224.0.0.18") as capture:
        frames = capture.until(lambda frames: any("vrid 77" in frame.text for frame in frames))
    assert any("vrid 77" in frame.text for frame in frames), frames
    for breaks, mends in (
        ("echo 1 >/run/checks-sick", "echo 0 >/run/checks-sick"),
        ("touch /run/checks-gone", "rm /run/checks-gone"),
    ):
        with broken(lab, breaks, mends, "lb1"):
            until(holders, ["lb2"], "the other one has it")
        until(holders, ["lb1"], "the first one has it back")
    told = lab.run("lb1", "cat /tmp/checks-notified").splitlines()
    assert {line.split()[0] for line in told} == {"nobody"}
    assert [line.split()[1] for line in told if "MASTER" in line] == ["MASTER"] * 3 and len(told) > 3, told


STATE = (
    "find /etc/keepalived /etc/systemd/system/keepalived.service.d /var/lib/mixed_lb -type f -exec sha256sum {} + | sort;"
    " systemctl show -p MainPID,NRestarts keepalived; ipvsadm -Sn | sort"
)


@pytest.mark.usefixtures("checks")
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"keepalived_lines": ["virtual_server 192.0.2.150 99 {", "    protocool TCP", "}"]}, "protocool"),
        ({"keepalived_bfd_instances": []}, "web1"),
    ],
    ids=["syntax", "missing"],
)
def test_broken_configurations_are_refused(
    lab: Lab, pair: Pair, clients: Clients, variables: dict[str, t.Any], words: str
) -> None:
    """With keepalived's own words; nothing has changed, and no client noticed."""
    before = {host: lab.run(host, STATE) for host in pair.hosts}
    with clients.asking("refused", PATIENT) as seen:
        done = converge(lab, "present", "--limit", "directors", **variables)
    said = done.stdout + done.stderr
    assert done.returncode == 2 and "Traceback" not in said and words in said, said
    assert {host: lab.run(host, STATE) for host in pair.hosts} == before
    check_all_answered(seen)


@pytest.mark.usefixtures("checks")
def test_reloads_under_load(lab: Lab, pair: Pair, clients: Clients) -> None:
    """No new request of those who ask meanwhile fails, and nobody moves."""
    with clients.asking("reload", PATIENT) as seen, pair.one_holder_at_every_look():
        for _turn in range(3):
            for host in pair.hosts:
                lab.run(host, "systemctl reload keepalived")
    check_all_answered(seen)
