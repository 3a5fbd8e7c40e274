# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's data becomes in PowerDNS's words; the scenario ``dns_lb`` has the real one read and answer it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.dns import files, zones
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.dns.balanced import lua
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.dns.versions import CHECK_OPTIONS

ROLE = Path(__file__).resolve().parents[5] / "roles" / "dns_lb"
DEFAULTS = {
    name.removeprefix("dns_lb_"): value
    for name, value in yaml.safe_load((ROLE / "defaults" / "main.yml").read_text()).items()
}
Data = dict[str, t.Any]
ZONE: Data = {"name": "shop.example", "nameservers": ["ns1", "ns.other.example."]}
NS1: Data = {"name": "ns1", "type": "A", "values": ["192.0.2.53"]}
ADDRESSES: list[Data] = [{"address": "192.0.2.1"}, {"address": "192.0.2.2"}]


def options(*extra: Data, **more: t.Any) -> Data:
    """The role's variables with one zone that has ``more``, and further zones."""
    records = [NS1, *more.pop("records", [])]
    return {**DEFAULTS, "name": "www", "zones": [{**ZONE, "records": records, **more}, *extra]}


def text(values: Data) -> str:
    """All zones, as the host puts them together."""
    return "".join(file["content"] for file in sorted(files.dns_zones(values), key=lambda file: file["path"]))


def served(values: Data) -> dict[str, dict[str, list[tuple[str, int]]]]:
    """The backend's file as it reads it: by domain and name, each record's type with content and ttl."""
    return {
        domain["domain"]: {
            name: [(f"{kind} {it['content']}", it["ttl"]) for record in records for kind, it in record.items()]
            for name, records in domain["records"].items()
        }
        for domain in yaml.safe_load(text(values))
    }


def code(**balanced: t.Any) -> str:
    """The Lua of a name that is balanced so."""
    entry = {"name": "w", "addresses": ADDRESSES, **balanced}
    return served(options(balanced=[entry]))["shop.example"]["w.shop.example"][0][0]


def refused(**more: t.Any) -> str:
    with pytest.raises(ValueError) as caught:
        files.dns_zones(options(**more))
    return str(caught.value)


def test_plain_records_are_whole_names_with_their_ttl() -> None:
    records = [
        {"name": "@", "type": "mx", "values": ["10 mail.shop.example"], "ttl": 60},
        {"name": "t", "type": "TXT", "values": ['a "b" \\', '"as it is"']},
        {"name": "Six.Shop.Example.", "type": "AAAA", "values": ["2001:DB8:0::1"]},
        {"name": "gone", "state": "absent", "type": "A", "values": ["192.0.2.9"]},
    ]
    found = served(options(records=records))["shop.example"]
    assert found["shop.example"] == [
        ("soa ns1.shop.example hostmaster.shop.example 1 7200 900 1209600 30", 3600),
        ("ns ns1.shop.example", 3600),
        ("ns ns.other.example", 3600),
        ("mx 10 mail.shop.example", 60),
    ]
    assert found["t.shop.example"] == [('txt "a \\"b\\" \\\\"', 3600), ('txt "as it is"', 3600)]
    assert found["six.shop.example"] == [("aaaa 2001:db8::1", 3600)]
    assert "gone.shop.example" not in found


def test_long_text_is_cut_into_strings_that_fit() -> None:
    found = served(options(records=[{"name": "t", "type": "TXT", "values": ["x" * 600]}]))["shop.example"]
    assert found["t.shop.example"][0][0] == f'txt "{"x" * 250}" "{"x" * 250}" "{"x" * 100}"'


def test_children_come_before_their_parents() -> None:
    child = {"name": "a.shop.example", "nameservers": ["ns1.shop.example."]}
    assert list(served(options(child))) == ["a.shop.example", "shop.example"]
    assert list(served(options({**child, "state": "absent"}))) == ["shop.example"]


def test_a_balanced_name_has_a_record_for_each_family() -> None:
    entry = {"name": "*", "ttl": 5, "addresses": [{"address": "192.0.2.1"}, {"address": "2001:db8::1", "weight": 0}]}
    (four, ttl), (six, _ttl) = served(options(balanced=[entry]))["shop.example"]["*.shop.example"]
    assert ttl == 5
    assert four.startswith('lua A ";return ') and "{'192.0.2.1',weight=1,priority=1}" in four and "2001" not in four
    assert six.startswith('lua AAAA ";return ') and "{'2001:db8::1',weight=0,priority=1}" in six


@pytest.mark.parametrize(("answer", "count"), [("all", 0), ("failover", 0), ("geo", 0), ("weighted", 1), ("hashed", 1)])
def test_answers_have_their_own_number_of_addresses(answer: str, count: int) -> None:
    assert f"answer='{answer}',count={count}," in code(answer=answer)
    assert "count=2," in code(answer=answer, count=2)


def test_places_are_as_powerdns_returns_them() -> None:
    address = {"address": "192.0.2.1", "countries": ["DE", "fr"], "continents": ["EU"], "location": [50, 8.5]}
    assert "countries={'de','fr'},continents={'eu'},location={50.0,8.5}" in code(addresses=[address])


def test_checks_ask_for_all_and_for_an_address_that_is_never_up() -> None:
    tcp = code(check={"type": "tcp", "port": 80})
    assert "check={port=80,options={selector='all',backupSelector='all',timeout='2'}},nobody='255.255.255.255'" in tcp
    assert "check={url='https://w.shop.example/'," in code(check={"type": "https"})
    http = {
        "type": "http",
        "port": 8080,
        "path": "/healthz",
        "host": "app",
        "timeout": 1,
        "contains": "up",
        "agent": "lb",
    }
    more = code(check={**http, "source": "192.0.2.53", "options": {"byteslimit": 100}})
    assert "url='http://app:8080/healthz'" in more
    assert "timeout='1',source='192.0.2.53',useragent='lb',stringmatch='up',byteslimit='100'" in more
    assert "check=" not in code(check={"type": "none"})


def test_lua_has_no_character_that_means_something_on_the_way() -> None:
    assert lua("/healthz?a=b") == "'/healthz?a=b'"
    assert lua('%cc"') == "string.char(37,99,99,34)"
    assert lua("it's\\") == "string.char(105,116,39,115,92)"
    assert lua({"a": [1, 2.5, True], "b": None}) == "{a={1,2.5,true}}"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"nameservers": []}, "nameservers is empty"),
        ({"nameservers": ["ns9"]}, "its name server ns9.shop.example has no record"),
        ({"records": [{"name": "a.other.example.", "type": "A", "values": ["192.0.2.1"]}]}, "not in the zone"),
        ({"records": [{"name": "a b", "type": "A", "values": ["192.0.2.1"]}]}, "is no domain name"),
        ({"records": [{"name": "a", "type": "A", "values": ["2001:db8::1"]}]}, "no address for type A"),
        ({"records": [{"name": "a", "type": "A", "values": []}]}, "has no values"),
        ({"records": [{"name": "a", "type": "AAAB", "values": ["x"]}]}, "type 'AAAB' is none of A"),
        ({"records": [{"name": "a", "type": "SOA", "values": ["x"]}]}, "made of primary"),
        ({"records": [{"name": "a", "type": "TXT", "values": ["100%coffee"]}]}, "in place of '%co'"),
        ({"records": [{"name": "a", "type": "LUA", "values": ["A pickrandom({})"]}]}, "code in double quotes"),
        ({"records": [{"name": "w", "type": "CNAME", "values": ["x"]}], "balanced": [{"name": "w"}]}, "w.shop.example"),
        ({"records": [{"name": "_mixed-lb", "type": "TXT", "values": ["x"]}]}, "for the zone's digest"),
        ({"balanced": [{"name": "w", "addresses": []}]}, "addresses is empty"),
        ({"balanced": [{"name": "ns1", "addresses": ADDRESSES}]}, "in records and in balanced"),
        ({"balanced": [{"name": "w", "addresses": ADDRESSES}] * 2}, "twice in balanced"),
        ({"balanced": [{"name": "w", "addresses": [*ADDRESSES, ADDRESSES[0]]}]}, "is there twice"),
        ({"balanced": [{"name": "w", "addresses": ADDRESSES, "when_down": "fallback"}]}, "fallback has no address"),
        ({"balanced": [{"name": "w", "addresses": ADDRESSES, "check": {"type": "tcp"}}]}, "needs a port"),
        ({"balanced": [{"name": "w", "addresses": ADDRESSES, "check": {"type": "http", "path": "x"}}]}, "start with /"),
        ({"balanced": [{"name": "w", "addresses": [{"address": "192.0.2.1", "weight": -1}]}]}, "from 0 to 65535"),
        ({"balanced": [{"name": "w", "addresses": [{"address": "192.0.2.1", "countries": ["DEU"]}]}]}, "two letters"),
        ({"balanced": [{"name": "w", "addresses": [{"address": "192.0.2.1", "location": [91, 0]}]}]}, "in degrees"),
        ({"dnssec_keys": [{"id": 1, "content": "a"}, {"id": 1, "flags": 256, "content": "b"}]}, "id 1 twice"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_place(more: Data, words: str) -> None:
    if more.get("balanced") == [{"name": "w"}]:
        more = {**more, "balanced": [{"name": "w", "addresses": ADDRESSES}]}
    assert words in refused(**more)


def test_a_zone_is_there_once() -> None:
    with pytest.raises(ValueError, match=r"shop\.example is there twice"):
        files.dns_zones(options({**ZONE, "nameservers": ["ns.other.example."]}))


def test_what_a_version_would_ignore_is_named_with_the_version_that_has_it() -> None:
    def problems(version: str, *words: str) -> list[str]:
        check = {"type": "http", "options": dict.fromkeys(words, "1")}
        return files.dns_problems(options(balanced=[{"name": "w", "addresses": ADDRESSES, "check": check}]), version)

    assert problems("4.7.3-2", "stringmatch") == []
    (old,) = problems("4.7.3-2", "byteslimit")
    assert "needs PowerDNS 4.9; 4.7, which this host has" in old
    assert problems("4.9.17-0+deb13u1", "byteslimit") == []
    for word in ("interval", "minimumFailures", "failOnIncompleteCheck"):
        (new,) = problems("4.9.17-0+deb13u1", word)
        assert f"zone shop.example, balanced w: check.options: {word} needs PowerDNS 5.0" in new
        assert problems("5.0.1", word) == []
    assert "set by the role" in problems("5.0.1", "selector")[0]
    assert "no known version" in problems("5.0.1", "minimumfailures")[0]
    with pytest.raises(ValueError, match="is no version"):
        problems("unknown")


@pytest.mark.parametrize(
    ("snippet", "old", "new"),
    [
        ("pickchashed({{1,'192.0.2.1'}})", 1, 0),
        ("ifurlup('http://x/', {'192.0.2.1'}, {minimumFailures=3})", 1, 1),
        ("ifportup(80, {'192.0.2.1'}, {backupSelector='empty'})", 1, 1),
        ("ifportup(80, {'192.0.2.1'}, {selector='all'})", 0, 0),
    ],
)
def test_lua_of_the_user_is_looked_through_too(snippet: str, old: int, new: int) -> None:
    values = options(records=[{"name": "own", "type": "LUA", "values": [f'A "{snippet}"']}])
    assert len(files.dns_problems(values, "4.7.3")) == old
    assert len(files.dns_problems(values, "4.9.17")) == new


def test_wrong_zones_are_found_before_anything_is_installed() -> None:
    with pytest.raises(ValueError, match="nameservers is empty"):
        files.dns_problems(options(nameservers=[]), "4.7")


def test_settings_serve_old_zones_to_nobody() -> None:
    found = files.dns_settings({**options(), "geo_databases": ["/a/b.mmdb"], "settings": ["x=y"]}).splitlines()
    assert {"launch+=geoip", "geoip-database-files=mmdb:/a/b.mmdb", "local-address=0.0.0.0, ::", "x=y"} <= set(found)
    assert {"zone-cache-refresh-interval=0", "query-cache-ttl=0", "edns-subnet-processing=yes"} <= set(found)
    with pytest.raises(ValueError, match=r"absolute path of an \.mmdb file"):
        files.dns_settings({**options(), "geo_databases": ["b.mmdb"]})


def test_only_what_a_reload_does_not_bring_into_force_changes_the_unit() -> None:
    unit = files.dns_unit(options(), "lua")
    assert files.dns_unit(options(balanced=[{"name": "w", "addresses": ADDRESSES}]), "lua") == unit
    assert files.dns_unit(options(), "other") != unit
    assert files.dns_unit({**options(), "check_interval": 1}, "lua") != unit
    reload = [line for line in unit.splitlines() if line.startswith("ExecReload")]
    assert [line.split()[0].rpartition("/")[2] for line in reload[3:5]] == ["pdns_control", "pdns_control"]


@pytest.mark.parametrize(("listen", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("192.0.2.53", "192.0.2.53")])
def test_the_host_asks_where_its_server_listens(listen: str, asked: str) -> None:
    assert files.dns_address({"listen": [listen]}) == asked


def test_the_tool_is_told_what_to_ask_for() -> None:
    entry = {"name": "w", "addresses": ADDRESSES, "check": {"type": "tcp", "port": 80, "timeout": 3}}
    own = {"name": "own", "type": "LUA", "values": ["TXT \"'x'\""]}
    content = json.loads(files.dns_names(options(records=[own], balanced=[entry, {**entry, "name": "v"}])))
    assert content["wait"] == 8.5
    assert ["own.shop.example", "TXT"] in content["plain"] and ["shop.example", "SOA"] in content["plain"]
    first, second = content["balanced"]
    assert first["key"] == "w.shop.example:A" and first["targets"] == second["targets"]
    assert [target.split()[0] for target in first["targets"]] == ["192.0.2.1", "192.0.2.2"]


def test_the_digest_tells_zones_apart_and_servers_not() -> None:
    def digest(**more: t.Any) -> str:
        content = json.loads(files.dns_names(options(**more)))
        return str(content["zones"][0]["digest"])

    assert digest() == digest()
    assert len({digest(), digest(serial=2), digest(ttl=5), digest(dnssec_keys=[{"id": 1, "content": "k"}])}) == 4
    found = served(options())["shop.example"]
    assert found[f"{zones.MARK}.shop.example"] == [(f'txt "{digest()}"', 0)]


def test_keys_are_secret_files_that_only_the_daemon_reads() -> None:
    keys = [{"id": 2, "flags": 256, "active": False, "content": " k \n"}, {"id": 3, "state": "absent", "content": "x"}]
    assert files.dns_keys(options(dnssec_keys=keys)) == [
        {
            "path": "/etc/powerdns/mixed_lb/keys/shop.example.256.2.0.key",
            "content": "k\n",
            "mode": "0640",
            "group": "pdns",
        }
    ]


def test_raw_lines_end_the_zone() -> None:
    found = text(options(lines=["services:", "  s.shop.example: '%cc.s.shop.example'"]))
    assert yaml.safe_load(found)[0]["services"] == {"s.shop.example": "%cc.s.shop.example"}


def test_options_of_checks_with_their_own_variable_work_everywhere() -> None:
    assert {CHECK_OPTIONS[word] for word in ("timeout", "source", "useragent", "stringmatch")} == {(4, 2)}
