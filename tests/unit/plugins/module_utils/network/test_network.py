# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import copy
import subprocess

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.network import app, filters, parse, render
from ansible_collections.mixed_lb.stack.plugins.module_utils.network.model import NetworkProblem, Record, Wanted
from ansible_collections.mixed_lb.stack.plugins.module_utils.network.wanted import wanted_of
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import ProgramMissing
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.network.fake_ip import FakeIp
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import Cut, Power
from hypothesis import given, settings
from hypothesis import strategies as st

NOTHING = Wanted()
VIP = {"address": "203.0.113.100/32"}
VIP6 = {"address": "2001:db8:1::100"}
LVS0 = {"name": "lvs0", "type": "ipip", "local": "192.0.2.11", "remote": "192.0.2.2"}
GUE = LVS0 | {"name": "gue0", "type": "gue", "port": 6080}
GRE = LVS0 | {"name": "gre1", "type": "gre", "checksum": True, "mtu": 1400}
BY_DIP = {"to": "default", "via": "192.0.2.2"}
REPLIES = {"priority": 100, "from": "192.0.2.11", "protocol": "tcp", "source_port": 8080, "table": 100}
MARK = {"destination": "203.0.113.100", "protocol": "tcp", "ports": [80, 443], "mark": "0x1"}
SNAT = {"source": "192.0.2.0/24", "destination": "203.0.113.100", "port": 80}


def apply(host, scope="app", check=False, purge=True, **options):
    return app.apply(scope, wanted_of(options), host, host.files, check=check, purge=purge)


def refused(host, error=NetworkProblem, scope="app", **options):
    before = host.state()
    with pytest.raises(error) as caught:
        apply(host, scope, **options)
    assert host.state() == before
    return str(caught.value)


# -- what is asked for -----------------------------------------------------------------------------------------------


def test_every_finding_is_told_at_once():
    with pytest.raises(NetworkProblem) as caught:
        wanted_of(
            {
                "addresses": [VIP, {"address": "203.0.113.300"}],
                "tunnels": [GUE | {"port": None}, LVS0 | {"remote": "2001:db8::1"}, LVS0 | {"checksum": True}],
                "routes": [
                    {"to": "default"},
                    {"to": "192.0.2.1/24", "via": "192.0.2.1"},
                    BY_DIP | {"table": "x"},
                    {"to": "2001:db8::/64", "via": "2001:db8::2", "metric": 0},
                ],
                "rules": [REPLIES | {"protocol": None}],
                "marks": [MARK | {"mark": "0"}],
                "source_nat": [SNAT | {"source": "2001:db8::/64"}],
            }
        )
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "tunnels[0]",
        "tunnels[1]",
        "tunnels[2]",
        "addresses[1]",
        "routes[0]",
        "routes[1]",
        "routes[2]",
        "routes[3]",
        "rules[0]",
        "marks[0]",
        "source_nat[0]",
    ]


@pytest.mark.parametrize("local", ["192.0.2.11", "2001:db8::11"])
def test_a_tunnel_from_anybody_is_a_device_of_our_own(local):
    tunnel = {"type": "gre", "local": local, "remote": "any"}
    with pytest.raises(NetworkProblem, match="gre0 is the kernel's own device: choose another name, with remote: any"):
        wanted_of({"tunnels": [tunnel | {"name": "gre0"}]})
    host = FakeIp()
    before = host.state()
    (added, *_rest) = apply(host, tunnels=[tunnel | {"name": "lvs0"}]).commands
    assert added.endswith(f"local {local} remote any")
    assert not apply(host, tunnels=[tunnel | {"name": "lvs0"}]).changed
    apply(host)
    assert host.state() == before


def test_one_thing_must_not_be_asked_for_in_two_ways():
    with pytest.raises(NetworkProblem, match="routes: 4 254 default 0 is given twice"):
        wanted_of({"routes": [BY_DIP, BY_DIP | {"via": "192.0.2.3"}]})


# -- one scope -------------------------------------------------------------------------------------------------------


def test_a_real_server_by_one_read_and_four_commands():
    host = FakeIp()
    outcome = apply(host, addresses=[VIP, VIP6], tunnels=[LVS0])
    assert outcome.commands == [
        "ip link add lvs0 type ipip mode ipip local 192.0.2.11 remote 192.0.2.2",
        "ip link set lvs0 up",
        "ip address add 203.0.113.100/32 dev lo",
        "ip address add 2001:db8:1::100/128 dev lo preferred_lft 0 nodad",
    ]
    assert outcome.before == [] and "address 2001:db8:1::100/128 dev lo deprecated" in outcome.after
    host.reads.clear(), host.calls.clear()
    second = apply(host, addresses=[VIP, VIP6], tunnels=[LVS0])
    assert not second.changed and second.before == second.after == outcome.after
    assert host.calls == [] and len(host.reads) == 1, "a run that changes nothing is one run of ip"


def test_nothing_wanted_and_nothing_remembered_runs_nothing():
    host = FakeIp()
    assert not apply(host).changed and not host.reads and not host.calls


def test_a_lost_address_comes_back():
    host = FakeIp()
    apply(host, addresses=[VIP, VIP6])
    host(["ip", "address", "delete", "203.0.113.100/32", "dev", "lo"])
    assert apply(host, addresses=[VIP, VIP6]).commands == ["ip address add 203.0.113.100/32 dev lo"]


def test_a_default_route_is_replaced_in_one_step_and_put_back_exactly():
    host = FakeIp()
    before = host.state()
    assert apply(host, routes=[BY_DIP]).commands == [
        "ip -4 route replace unicast default via 192.0.2.2 table 254 proto static"
    ]
    outcome = apply(host)
    assert outcome.commands == ["ip -4 route replace unicast default via 192.0.2.1 dev eth0 table 254 proto 16 scope 0"]
    assert host.state() == before


def test_a_route_that_came_back_behind_ours_is_not_put_back_again():
    host = FakeIp()
    before = host.state()
    foreign = copy.deepcopy(host.routes[0])
    apply(host, routes=[BY_DIP])
    host.routes.append(foreign)  # systemd-networkd restarted
    assert not apply(host, routes=[BY_DIP]).changed
    assert apply(host).commands == ["ip -4 route delete unicast default via 192.0.2.2 dev eth0 table 254"]
    assert host.state() == before


def test_what_was_there_before_stays():
    host = FakeIp()
    host(["ip", "address", "add", "203.0.113.100/32", "dev", "lo"])
    before = host.state()
    assert apply(host, addresses=[VIP]).commands == []
    apply(host)
    assert host.state() == before


def test_a_route_is_never_removed_before_its_replacement_is_in():
    host = FakeIp()
    apply(host, routes=[{"to": "203.0.113.0/24", "via": "192.0.2.2"}])
    commands = apply(host, routes=[{"to": "203.0.113.0/24", "via": "192.0.2.3", "metric": 5}]).commands
    assert [line.split()[3] for line in commands] == ["add", "delete"]


def test_a_tunnel_is_changed_in_place_and_remade_only_for_another_kind():
    host = FakeIp()
    apply(host, tunnels=[GRE], addresses=[VIP | {"interface": "gre1"}])
    changed = apply(host, tunnels=[GRE | {"remote": "192.0.2.3", "mtu": 1300}], addresses=[VIP | {"interface": "gre1"}])
    assert changed.commands == [
        "ip link set gre1 type gre local 192.0.2.11 remote 192.0.2.3 icsum",
        "ip link set gre1 mtu 1300",
    ]
    apply(host, tunnels=[LVS0 | {"name": "gre1"}], addresses=[VIP | {"interface": "gre1"}])
    assert host.links["gre1"]["linkinfo"]["info_kind"] == "ipip"
    assert not apply(host, tunnels=[LVS0 | {"name": "gre1"}], addresses=[VIP | {"interface": "gre1"}]).changed


def test_an_ipv6_address_may_change_its_length():
    host = FakeIp()
    apply(host, addresses=[VIP6 | {"interface": "eth0"}])
    outcome = apply(host, addresses=[{"address": "2001:db8:1::100/64", "interface": "eth0"}])
    assert [line.split()[2] for line in outcome.commands] == ["delete", "add"]


def test_secondaries_survive_their_primary():
    host = FakeIp()
    apply(host, addresses=[{"address": "198.51.100.100/24", "interface": "eth1"}])
    host(["ip", "address", "add", "198.51.100.5/24", "dev", "eth1"])
    apply(host)
    assert [a["ip"] for a in host.addresses if a["dev"] == "eth1"] == ["198.51.100.5"]


def test_marks_come_before_the_vips_and_go_after_them():
    host = FakeIp()
    host.iptables = True
    come = apply(host, addresses=[VIP | {"interface": "eth0"}], marks=[MARK]).commands
    go = apply(host).commands
    assert [line.split()[0] for line in come] == ["iptables-restore", "ip"]
    assert [line.split()[0] for line in go] == ["ip", "iptables-restore"]


def test_secondaries_that_leave_with_their_primary_do_not_come_back():
    host = FakeIp()
    two = [{"address": f"198.51.100.{end}/24", "interface": "eth1"} for end in (100, 101)]
    apply(host, addresses=two)
    apply(host, addresses=[*reversed(two)])
    apply(host)
    assert not [a for a in host.addresses if a["dev"] == "eth1"]


def test_packet_rules_replace_one_chain_at_once():
    host = FakeIp()
    host.iptables = True
    host._table("ip", "nat")["POSTROUTING"].append("-j FOREIGN")
    before = host.state()
    outcome = apply(host, marks=[MARK], source_nat=[SNAT])
    chains = host.chains["ip", "nat"]
    assert chains["POSTROUTING"] == ["-j FOREIGN", "-j MIXED_LB_APP"]
    assert chains["MIXED_LB_APP"] == [
        "-s 192.0.2.0/24 -m ipvs --vaddr 203.0.113.100/32 --vproto tcp --vport 80 -j MASQUERADE"
    ]
    assert len(host.chains["ip", "mangle"]["MIXED_LB_APP"]) == 2 and len(outcome.commands) == 2
    assert not apply(host, marks=[MARK], source_nat=[SNAT]).changed
    host.chains["ip", "mangle"]["PREROUTING"].clear()
    assert apply(host, marks=[MARK], source_nat=[SNAT]).changed, "a lost jump is drift"
    apply(host, marks=[MARK | {"ports": [80]}])
    assert "MIXED_LB_APP" not in host.chains["ip", "nat"]
    apply(host)
    assert host.state() == before


def test_the_other_iptables_is_taken_where_the_kernel_has_no_nf_tables():
    host = FakeIp()
    host.iptables, host.nft = True, False
    assert apply(host, marks=[MARK]).commands[0].startswith("iptables-legacy-restore -w --noflush <<< '*mangle; ")
    script = host.files.content["/etc/mixed_lb/network/app.sh"]
    assert "iptables-legacy -w -t mangle -C PREROUTING -j MIXED_LB_APP" in script
    assert not apply(host, marks=[MARK]).changed


def test_without_iptables():
    host = FakeIp()
    assert apply(host, check=True, marks=[MARK]).changed, "check mode predicts where it is not installed yet"
    assert "iptables is not installed" in refused(host, ProgramMissing, marks=[MARK])


def test_chain_names_fit():
    assert filters.chain_of("app") == "MIXED_LB_APP"
    names = {filters.chain_of("a" * 40 + end) for end in ("1", "2")}
    assert len(names) == 2 and all(len(name) <= 28 for name in names)


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_missing_interface_is_told_with_those_that_exist():
    text = refused(FakeIp(), addresses=[VIP, VIP | {"address": "203.0.113.101", "interface": "eth9"}])
    assert "203.0.113.101/32: there is no interface eth9 here, only eth0, eth1, lo" in text


def test_a_vip_elsewhere_is_told():
    assert "192.0.2.11/24 is on eth0" in refused(FakeIp(), addresses=[{"address": "192.0.2.11/32"}])
    host = FakeIp()
    apply(host, "one", addresses=[VIP])
    assert "on lo (scope one)" in refused(host, scope="two", addresses=[VIP | {"interface": "eth0"}])
    assert apply(host, "one", addresses=[VIP | {"interface": "eth0"}]).commands == [
        "ip address add 203.0.113.100/32 dev eth0",
        "ip address delete 203.0.113.100/32 dev lo",
    ], "the scope itself may move it"


def test_a_tunnel_may_borrow_a_vip():
    host = FakeIp()
    before = host.state()
    tunnel = LVS0 | {"type": "ip6tnl", "local": "2001:db8::11", "remote": "2001:db8::2"}
    for scope, vip in (("one", VIP), ("two", VIP | {"address": "203.0.113.101"})):
        addresses = [vip, vip | {"interface": "lvs0"}]
        assert apply(host, scope, addresses=addresses, tunnels=[tunnel]).changed
        assert not apply(host, scope, addresses=addresses, tunnels=[tunnel]).changed
    for scope in ("one", "two"):
        apply(host, scope)
    assert host.state() == before


def test_foreign_tunnels_and_routes_are_not_taken():
    host = FakeIp()
    host(["ip", "link", "add", "lvs0", "type", "gre", "local", "192.0.2.11", "remote", "192.0.2.9"])
    assert "tunnel lvs0: an interface of this name" in refused(host, tunnels=[LVS0])
    host.routes[0]["nexthops"] = [{"gateway": "192.0.2.1"}]
    assert "several next hops" in refused(host, routes=[BY_DIP])


def test_scopes_must_agree():
    host = FakeIp()
    apply(host, "one", routes=[BY_DIP])
    assert "scope two and scope one want it differently" in refused(
        host, scope="two", routes=[BY_DIP | {"via": "192.0.2.3"}]
    )


@pytest.mark.parametrize("step", range(1, 9))
def test_a_failure_takes_everything_back(step):
    host = FakeIp()
    host.iptables = True
    apply(host, addresses=[VIP | {"address": "203.0.113.7"}])
    host.calls.clear()
    host.fail_at = step
    options = {"tunnels": [GUE], "addresses": [VIP, VIP6], "routes": [BY_DIP], "rules": [REPLIES], "marks": [MARK]}
    text = refused(host, **options)
    assert "failed: " in text and "all earlier steps were taken back" in text
    host.fail_at = None
    assert apply(host, **options).changed and not apply(host, **options).changed


def test_a_fight_with_another_manager_is_told():
    host = FakeIp()
    real = FakeIp.__call__

    class Fighting(FakeIp):
        def __call__(self, argv, stdin=None):
            result = real(self, argv, stdin)
            self.addresses = [a for a in self.addresses if a["ip"] != "203.0.113.100"]
            return result

    host = Fighting()
    with pytest.raises(NetworkProblem, match=r"as if something else manages it too.*ip address add 203.0.113.100"):
        apply(host, addresses=[VIP])


def test_a_damaged_record_is_named():
    host = FakeIp()
    host.files.content["/etc/mixed_lb/network/app.json"] = "[]"
    assert "/etc/mixed_lb/network/app.json is damaged" in refused(host)


# -- files -----------------------------------------------------------------------------------------------------------


def test_the_script_is_a_shell_script_in_the_order_of_the_live_steps():
    wanted = wanted_of(
        {"tunnels": [GUE], "addresses": [VIP, VIP6], "routes": [BY_DIP], "rules": [REPLIES], "marks": [MARK]}
    )
    text = render.script("app", wanted)
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    body = text[text.index("try iptables-restore") :]
    assert body == (
        "try iptables-restore -w --noflush <<'END'\n"
        "*mangle\n"
        ":MIXED_LB_APP - [0:0]\n"
        "-A MIXED_LB_APP -d 203.0.113.100/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff\n"
        "-A MIXED_LB_APP -d 203.0.113.100/32 -p tcp -m tcp --dport 443 -j MARK --set-xmark 0x1/0xffffffff\n"
        "COMMIT\n"
        "END\n"
        "iptables -w -t mangle -C PREROUTING -j MIXED_LB_APP 2>/dev/null ||"
        " try iptables -w -t mangle -A PREROUTING -j MIXED_LB_APP\n"
        '[ "$1" = filters ] && exit "$failed"\n'
        "try modprobe fou\n"
        "once -4 fou add port 6080 gue\n"
        "ip link show dev gue0 >/dev/null 2>&1 ||"
        " try ip link add gue0 type ipip mode ipip local 192.0.2.11 remote 192.0.2.2\n"
        "try ip link set gue0 up\n"
        "try ip address replace 203.0.113.100/32 dev lo\n"
        "try ip address replace 2001:db8:1::100/128 dev lo preferred_lft 0 nodad\n"
        "try ip -4 route replace unicast default via 192.0.2.2 table 254 proto static\n"
        "once -4 rule add priority 100 from 192.0.2.11 ipproto tcp sport 8080 table 100\n"
        'exit "$failed"\n'
    )


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({"addresses": [VIP], "tunnels": [LVS0]}, False),
        ({"addresses": [VIP | {"interface": "lvs0"}], "tunnels": [LVS0], "rules": [REPLIES]}, False),
        ({"routes": [{"to": "0.0.0.0/0", "type": "local", "table": 100}]}, False),
        ({"addresses": [VIP | {"interface": "eth0"}]}, True),
        ({"routes": [BY_DIP]}, True),
    ],
)
def test_only_what_stands_on_the_network_waits_for_it(options, waits):
    text = render.unit("app", wanted_of(options))
    assert ("After=network-online.target" in text) == waits
    assert ("Before=network-pre.target" in text) != waits


def test_packet_rules_come_back_after_whoever_flushes_them():
    host = FakeIp()
    host.iptables = True
    before = host.state()
    apply(host, addresses=[VIP])
    host._systemctl.calls.clear()
    apply(host, addresses=[VIP], marks=[MARK])
    assert host._systemctl.calls == [["systemctl", "daemon-reload"]], "drop-ins count from there on"
    for service, moments in {
        "nftables": ["ExecStartPost", "ExecReload"],
        "netfilter-persistent": ["ExecStartPost"],
    }.items():
        text = host.files.content[f"/etc/systemd/system/{service}.service.d/mixed-lb-network-app.conf"]
        lines = [line for line in text.splitlines() if line.startswith("Exec")]
        assert lines == [f"{moment}=-/bin/sh /etc/mixed_lb/network/app.sh filters" for moment in moments]
    unit = host.files.content["/etc/systemd/system/mixed-lb-network-app.service"]
    assert "systemd-sysctl.service nftables.service netfilter-persistent.service\n" in unit
    apply(host)
    assert host.state() == before


def test_networkd_is_kept_from_taking_things_away():
    host = FakeIp()
    before = host.state()
    index = host.links["eth0"]["ifindex"]
    netif = {f"/run/systemd/netif/links/{index}": "NETWORK_FILE=/etc/systemd/network/10-a.network\n"}
    host.files.content |= netif
    apply(host, "one", addresses=[VIP | {"interface": "eth0"}])
    apply(host, "two", routes=[BY_DIP], rules=[REPLIES])
    paths = {path for path in host.files.content if path.startswith("/etc/systemd/network")}
    assert paths == {
        "/etc/systemd/network/10-a.network.d/50-mixed-lb-one.conf",
        "/etc/systemd/network/10-a.network.d/50-mixed-lb-two.conf",
        "/etc/systemd/networkd.conf.d/50-mixed-lb-two.conf",
    }
    assert "\nKeepConfiguration=static\n" in host.files.content[min(paths)]
    apply(host, "one", addresses=[VIP | {"interface": "eth0"}, VIP6 | {"interface": "eth0"}])
    keeps = host.files.content["/etc/systemd/network/10-a.network.d/60-mixed-lb-one.conf"]
    assert "\nKeepConfiguration=yes\n" in keeps, "static loses deprecated addresses"
    assert min(paths) not in host.files.content, "of two scopes' files the last one counts"
    apply(host, "two")
    apply(host, "one")
    host.files.content = {path: text for path, text in host.files.content.items() if path not in netif}
    assert host.state() == before


# -- reading ---------------------------------------------------------------------------------------------------------


def test_unknown_selectors_of_a_rule_make_it_a_rule_of_its_own():
    ours, foreign = parse.rules(
        [{"priority": 100, "src": "all", "table": "7"}, {"priority": 100, "src": "all", "table": "7", "iif": "eth0"}], 4
    )
    assert ours.key != foreign.key and foreign.extra == ("iif=eth0",)


RULE = {"priority": 100, "src": "192.0.2.12", "sport": 8080, "table": "254", "suppress_prefixlen": 0, "protocol": "0"}


@pytest.mark.parametrize(
    "row",
    [  # as ip -N -d -json printed it, and without -N
        RULE | {"ipproto": "ipproto-6", "sport_mask": "0xffff"},  # iproute2 6.15, kernel 7.2
        RULE | {"ipproto": "ipproto-6"},  # iproute2 6.1, kernel 6.1
        RULE | {"ipproto": "tcp"},
    ],
)
def test_a_rule_reads_the_same_from_both_releases(row):
    wanted = wanted_of({"rules": [REPLIES | {"from": "192.0.2.12", "table": "main", "suppress_prefixlength": 0}]})
    assert parse.rules([row], 4) == list(wanted.items)


def test_nonsense_from_ip_is_one_message():
    with pytest.raises(NetworkProblem, match="cannot read what ip printed"):
        parse.documents("[]\nOops")


# -- laws ------------------------------------------------------------------------------------------------------------

POOL = {
    "addresses": [
        VIP,
        VIP6,
        VIP | {"address": "203.0.113.101", "interface": "eth0"},
        {"address": "192.0.2.99/24", "interface": "eth0"},
    ],
    "tunnels": [
        LVS0,
        LVS0 | {"name": "open0", "remote": "any"},
        GUE,
        GRE,
        GUE | {"name": "gue1", "remote": "192.0.2.3"},
    ],
    "routes": [
        BY_DIP,
        BY_DIP | {"table": 100},
        {"to": "::/0", "via": "2001:db8::1"},
        {"to": "0.0.0.0/0", "type": "local", "table": 101},
        {"to": "198.51.100.0/24", "interface": "eth1", "advmss": 1400},
    ],
    "rules": [
        REPLIES,
        {"priority": 101, "family": "ipv6", "fwmark": "7", "table": 100},
        {"priority": 90, "to": "192.0.2.0/24", "table": "main", "invert": True},
    ],
    "marks": [MARK, MARK | {"destination": "2001:db8:1::100"}],
    "source_nat": [SNAT],
}
WANTS = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(entries), unique_by=str, max_size=3) for name, entries in POOL.items()}
)
FOREIGN = [
    "ip address add 203.0.113.100/32 dev lo",
    "ip address add 2001:db8:1::100/128 dev lo preferred_lft forever nodad",
    "ip address add 192.0.2.50/24 dev eth0",
    "ip -4 route add unicast default via 192.0.2.3 table 100",
    "ip -6 route add unicast default via 2001:db8::9 table 254 metric 512",
    "ip -4 rule add priority 100 from 192.0.2.11 ipproto tcp sport 8080 table 100",
    "ip -4 fou add port 6080 gue",
]


def host_with(foreign):
    host = FakeIp()
    host.iptables = True
    host._table("ip", "nat")["POSTROUTING"].append("-j FOREIGN")
    for line in foreign:
        assert host(line.split()).rc == 0
    host.calls.clear()
    return host


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(FOREIGN), unique=True),
    st.lists(st.tuples(st.sampled_from("abc"), WANTS), max_size=5),
    st.permutations("abc"),
)
def test_scopes_converge_and_undo_in_any_order(foreign, steps, order):
    host = host_with(foreign)
    before = host.state()
    for scope, options in steps:
        snapshot = copy.deepcopy(host.state())
        predicted = apply(host, scope, check=True, **options)
        assert host.state() == snapshot, "check mode changes nothing"
        outcome = apply(host, scope, **options)
        assert outcome == predicted, "check mode tells exactly what happens"
        again = apply(host, scope, **options)
        assert not again.changed and again.before == again.after and set(again.after) <= set(outcome.after)
    wishes = dict(steps)
    for scope in order:
        apply(host, scope)
        wishes.pop(scope, None)
        for other, options in wishes.items():
            assert not apply(host, other, check=True, **options).commands, "what another scope wants stays"
    assert host.state() == before


@settings(max_examples=100, deadline=None)
@given(WANTS, WANTS)
def test_what_is_foreign_is_never_touched_and_additions_come_first(first, second):
    host = host_with(["ip address add 198.51.100.9/24 dev eth1", "ip -4 rule add priority 77 table 7"])
    apply(host, "one", **first)
    commands = apply(host, "one", **second).commands
    verbs = [next((w for w in line.split() if w in ("add", "delete", "del", "replace")), "") for line in commands]
    removals = [at for at, verb in enumerate(verbs) if verb in ("delete", "del")]
    additions = [at for at, verb in enumerate(verbs) if verb == "add"]
    assert not removals or not additions or min(removals) > max(additions)
    assert not any("flush" in line.replace("--noflush", "") or " down" in line for line in commands)
    assert any(a["ip"] == "198.51.100.9" for a in host.addresses)
    assert any(rule["row"]["priority"] == 77 for rule in host.rules)


@settings(max_examples=100, deadline=None)
@given(WANTS, WANTS)
def test_without_purge_nothing_goes_and_the_next_run_ends_where_it_would_have_ended(first, second):
    host, straight = host_with([]), host_with([])
    for one in (host, straight):
        apply(one, **first)
    predicted = apply(host, check=True, purge=False, **second)
    assert apply(host, purge=False, **second) == predicted
    text = host.files.content.get("/etc/mixed_lb/network/app.json")
    known = render.record_from_json(text, "x").items if text else {}
    assert {item.key for item in wanted_of(first).items} <= set(known), "it is still the scope's"
    assert not apply(host, purge=False, **second).changed
    assert not apply(host, purge=False).changed, "neither does absent take anything"
    apply(host, **second)
    apply(straight, **second)
    assert host.state() == straight.state()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(FOREIGN), unique=True), WANTS, st.one_of(WANTS, st.just({})), st.integers(0, 40))
def test_what_a_power_cut_left_half_done_is_known_and_goes(foreign, first, second, done):
    host = host_with(foreign)
    before = host.state()
    apply(host, **first)
    power = Power(done)
    with contextlib.suppress(Cut):
        app.apply("app", wanted_of(second), power.drives(host), power.drives(host.files))
    apply(host)
    assert host.state() == before


@given(WANTS)
def test_a_record_reads_back(options):
    wanted = wanted_of(options)
    record = Record(wanted, {item.key: item for item in wanted.items}, ("/a", "/b"))
    assert render.record_from_json(render.record_to_json(record), "x") == record
