# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules in a real kernel: packets of peers and strangers over a cable between two network namespaces."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.firewall import files
from ansible_collections.mixed_lb.stack.tests.unit.network.namespace import Namespace, connected

Entry = dict[str, t.Any]
ROLE = pathlib.Path(__file__).parents[5] / "roles/firewall"
HOST = {4: "192.0.2.1", 6: "2001:db8::1"}
VIP = {4: "192.0.2.100", 6: "2001:db8::100"}
PEER = {4: "192.0.2.11", 6: "2001:db8::11"}
SECOND = {4: "192.0.2.12", 6: "2001:db8::12"}
STRANGER = {4: "192.0.2.66", 6: "2001:db8::66"}
VRRP, UDP, TCP, GRE = 112, 17, 6, 47
SYNC, NOBODYS, STICK = 8848, 8849, 10000
FOREIGN = """
table inet foreign { chain input { type filter hook input priority 0; policy accept; udp dport 7 counter drop; }; }
table ip mixed_lb { set peers { type ipv4_addr; elements = { 192.0.2.66 }; }; }
"""


class Cable(t.NamedTuple):
    """A host, and all others at the other end of its cable."""

    host: Namespace
    others: Namespace

    def load(self, *openings: Entry, name: str = "edge", before: str = "") -> str:
        """Load the rules; returns the table as nft tells it."""
        text = files.firewall_files(openings, name, before)[0]["content"]
        self.host.do("nft", "--check", "--file", "-", stdin=text)
        self.host.do("nft", "--file", "-", stdin=text)
        return self.table(name)

    def table(self, name: str = "edge") -> str:
        return self.host.do("nft", "list", "table", "inet", f"mixed_lb_{name}")

    def arrives(self, protocol: int, to: str, port: int, *sources: str) -> list[str]:
        """Those of the sources whose packets arrive. The last one must be let in: it ends the waiting."""
        for source in sources:
            self.others.ask("send", protocol, source, to, port, f"|{source}")
        return t.cast("list[str]", self.host.ask("received", protocol, to, port, sources[-1]))


@pytest.fixture
def cable() -> t.Iterator[Cable]:
    with connected((HOST, VIP), (PEER, SECOND, STRANGER)) as ends:
        yield Cable(*ends)


def from_peers(protocol: str, *ports: int, peer: t.Mapping[int, str] | None = None, **more: t.Any) -> list[Entry]:
    """An opening for each family, as stack_plan tells them."""
    named = {"protocol": protocol, "ports": list(ports), **more}
    return [{**named, "family": f"ipv{family}", "sources": [address]} for family, address in (peer or PEER).items()]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("name", "protocol", "port"), [("vrrp", VRRP, 0), ("udp", UDP, SYNC), ("gre", GRE, 0)])
def test_only_the_peers_packet_arrives(cable: Cable, family: int, name: str, protocol: int, port: int) -> None:
    to = HOST[family]
    cable.host.ask("listen", protocol, to, port)
    both = STRANGER[family], PEER[family]
    assert cable.arrives(protocol, to, port, *both) == list(both), "before the rules are there"
    table = cable.load(*from_peers(name, *([port] if port else [])))
    assert cable.arrives(protocol, to, port, *both) == [PEER[family]]
    assert "counter packets 1" in cable.table() and "counter packets 0" in table


@pytest.mark.parametrize("family", [4, 6])
def test_a_port_of_nobodys_is_untouched(cable: Cable, family: int) -> None:
    cable.load(*from_peers("vrrp"), *from_peers("udp", SYNC), *from_peers("tcp", STICK))
    for protocol, port in ((UDP, NOBODYS), (GRE, 0)):
        cable.host.ask("listen", protocol, HOST[family], port)
        both = STRANGER[family], PEER[family]
        assert cable.arrives(protocol, HOST[family], port, *both) == list(both)


def test_connections_are_those_of_peers(cable: Cable) -> None:
    cable.load(*from_peers("tcp", STICK))
    for port in (STICK, STICK + 1):
        cable.host.ask("listen", TCP, HOST[4], port)
    assert not cable.others.ask("connect", STRANGER[4], HOST[4], STICK, 0.3)
    assert cable.others.ask("connect", PEER[4], HOST[4], STICK, 5)
    assert cable.others.ask("connect", STRANGER[4], HOST[4], STICK + 1, 5)
    assert cable.host.ask("connect", HOST[4], HOST[4], STICK, 5), "a host reaches itself"


@pytest.mark.parametrize("family", [4, 6])
def test_peers_of_two_tiers_are_let_in_both(cable: Cable, family: int) -> None:
    cable.load(*from_peers("vrrp"), *from_peers("vrrp", peer=SECOND))
    cable.host.ask("listen", VRRP, HOST[family], 0)
    three = SECOND[family], STRANGER[family], PEER[family]
    assert cable.arrives(VRRP, HOST[family], 0, *three) == [SECOND[family], PEER[family]]


@pytest.mark.parametrize("family", [4, 6])
def test_what_is_open_to_everybody_at_a_vip_stays_so(cable: Cable, family: int) -> None:
    at_vip = {"protocol": "udp", "ports": [SYNC], "sources": [], "destinations": list(VIP.values())}
    cable.load(*from_peers("udp", SYNC), at_vip)
    both = STRANGER[family], PEER[family]
    for to, arrive in ((HOST[family], [PEER[family]]), (VIP[family], list(both))):
        cable.host.ask("listen", UDP, to, SYNC)
        assert cable.arrives(UDP, to, SYNC, *both) == arrive


def test_strangers_of_a_family_without_peers_are_strangers(cable: Cable) -> None:
    cable.load({"protocol": "tcp", "ports": [STICK], "sources": [PEER[4]]})
    for port in (STICK, STICK + 1):
        cable.host.ask("listen", TCP, HOST[6], port)
    assert not cable.others.ask("connect", PEER[6], HOST[6], STICK, 0.3)
    assert cable.others.ask("connect", PEER[6], HOST[6], STICK + 1, 5)


def test_tables_of_others_stay_and_the_own_one_is_replaced(cable: Cable) -> None:
    cable.host.do("nft", "--file", "-", stdin=FOREIGN)
    foreign = cable.host.do("nft", "list", "ruleset")
    once = cable.load(*from_peers("vrrp"))
    assert cable.load(*from_peers("vrrp")) == once
    assert cable.host.do("nft", "list", "ruleset") == f"{foreign}{once}"
    other = cable.load(*from_peers("udp", SYNC))
    assert "vrrp" not in other and cable.host.do("nft", "list", "ruleset") == f"{foreign}{other}"
    stop = next(line for line in files.firewall_files([], "edge")[2]["content"].splitlines() if "ExecStop=" in line)
    for _turn in range(2):
        cable.host.do("nft", stop.split('"')[1])
        assert cable.host.do("nft", "list", "ruleset") == foreign


def test_peers_that_come_are_let_in_before_those_that_go_are_closed(cable: Cable) -> None:
    cable.load(*from_peers("vrrp"))
    now = files.firewall_files(from_peers("vrrp"), "edge")[1]["content"]
    cable.load(*from_peers("vrrp", peer=SECOND), before=now)
    cable.host.ask("listen", VRRP, HOST[4], 0)
    three = STRANGER[4], PEER[4], SECOND[4]
    assert cable.arrives(VRRP, HOST[4], 0, *three) == [PEER[4], SECOND[4]]
    cable.load(*from_peers("vrrp", peer=SECOND))
    assert cable.arrives(VRRP, HOST[4], 0, *three) == [SECOND[4]]


@pytest.mark.parametrize("name", ["edge", "a-b_1", "x" * 31])
def test_the_role_sees_whether_the_kernel_has_its_rules(cable: Cable, tmp_path: pathlib.Path, name: str) -> None:
    openings = [*from_peers("vrrp"), *from_peers("udp", SYNC, NOBODYS)]
    file = tmp_path / "rules.nft"
    file.write_text(files.firewall_files(openings, name)[0]["content"])
    shell, option, script, zero, _file, _table = yaml.safe_load((ROLE / "vars/main.yml").read_text())[
        "__firewall_is_loaded"
    ]
    argv = [shell, option, script, zero, str(file), f"mixed_lb_{name}"]
    assert cable.host.ask("run", argv)["rc"] == 1, "nothing is loaded"
    cable.load(*openings, name=name)
    assert cable.host.ask("run", argv) == {"rc": 0, "out": "", "err": ""}
    cable.host.ask("listen", VRRP, HOST[4], 0)
    assert cable.arrives(VRRP, HOST[4], 0, STRANGER[4], PEER[4]) == [PEER[4]]
    assert cable.host.ask("run", argv)["rc"] == 0, "what was counted is no difference"
    cable.host.do("nft", "insert", "rule", "inet", f"mixed_lb_{name}", "input", "accept")
    done = cable.host.ask("run", argv)
    assert done["rc"] == 1 and f"has another table inet mixed_lb_{name}" in done["err"]
    cable.load(*openings, name=name)
    cable.host.do("nft", "flush", "ruleset")
    assert cable.host.ask("run", argv)["rc"] == 1
    file.write_text("nonsense")
    assert cable.host.ask("run", argv)["rc"] == 2, "a file that does not load is a failure"
