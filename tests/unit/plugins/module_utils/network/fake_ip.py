# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's network in memory, behind ``ip``, ``modprobe`` and ``iptables``: it refuses what the real one refuses."""

from __future__ import annotations

import copy
import ipaddress
import json
import typing as t

from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import ProgramMissing, Result
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import FakeSystemctl, MemoryFiles

OK = Result(0, "", "")
EXISTS = Result(2, "", "RTNETLINK answers: File exists\n")
ABSENT = Result(2, "", "RTNETLINK answers: No such process\n")
TYPES = {"unicast": "1", "local": "2"}


def network_of(text: str, family: int) -> tuple[str, int]:
    bits = {4: 32, 6: 128}[family]
    address, _slash, length = text.partition("/")
    return address, int(length or bits)


class FakeIp:
    """``calls`` lists every program that was run to change something; ``fail_at`` makes the n-th of them fail."""

    def __init__(self) -> None:
        self.files = MemoryFiles()
        self._systemctl = FakeSystemctl(self.files)
        self.calls: list[str] = []
        self.reads: list[str] = []
        self.fail_at: int | None = None
        self.iptables = False
        self.nft = True
        self.links: dict[str, dict[str, t.Any]] = {}
        self.addresses: list[dict[str, t.Any]] = []
        self.routes: list[dict[str, t.Any]] = []
        self.rules: list[dict[str, t.Any]] = []
        self.ports: list[tuple[int, int]] = []
        self.chains: dict[tuple[str, str], dict[str, list[str]]] = {}
        for name in ("lo", "eth0", "eth1"):
            self._link(name)
        self._address("lo", "127.0.0.1/8")
        self._address("eth0", "192.0.2.11/24")
        self._address("eth0", "2001:db8::11/64")
        self._rule(4, ["priority", "32766", "table", "254"])
        self._route(4, ["unicast", "default", "via", "192.0.2.1", "dev", "eth0", "proto", "16", "table", "254"])

    def state(self) -> t.Any:
        """All that a scope could leave behind."""
        rows = [*self.addresses, *self.routes, *self.rules]
        places = {place: chains for place, chains in self.chains.items() if len(chains) > 2 or any(chains.values())}
        content = (self.links, sorted(map(json.dumps, rows)), sorted(self.ports), places, self.files.content)
        return copy.deepcopy(content), set(self.files.links)

    # -- the Command --

    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        line = " ".join(argv)
        if argv[0] == "systemctl":
            return self._systemctl(argv)
        if "iptables" in argv[0] or "ip6tables" in argv[0]:
            return self._tables(argv, stdin or "")
        match list(argv):
            case ["ip", *options, "-N", "-d", "-json", "-batch", "-"]:
                self.reads.append(line)
                family = 6 if "-6" in options else 4
                return Result(0, "\n".join(json.dumps(self._show(w, family)) for w in (stdin or "").splitlines()), "")
            case ["ip", "-json", "fou", "show"]:
                self.reads.append(line)
                names = {4: "inet", 6: "inet6"}
                return Result(0, json.dumps([{"port": p, "gue": None, "family": names[f]} for f, p in self.ports]), "")
        self.calls.append(line)
        if self.fail_at == len(self.calls):
            return Result(2, "", "RTNETLINK answers: Operation not permitted\n")
        match list(argv):
            case ["modprobe", "fou"]:
                return OK
            case ["ip", "link", *words]:
                return self._links(words)
            case ["ip", "address", verb, address, "dev", interface, *words]:
                return self._addresses(verb, address, interface, words)
            case ["ip", family, "route", verb, *words]:
                return self._routes(verb, int(family[1:]), words)
            case ["ip", family, "rule", verb, *words]:
                return self._rules(verb, int(family[1:]), words)
            case ["ip", family, "fou", "add", "port", port, "gue"]:
                return self._toggle(self.ports, (int(family[1:]), int(port)), present=True)
            case ["ip", family, "fou", "del", "port", port]:
                return self._toggle(self.ports, (int(family[1:]), int(port)), present=False)
        raise AssertionError(line)

    @staticmethod
    def _toggle(items: list[t.Any], item: t.Any, *, present: bool) -> Result:
        if (item in items) == present:
            return EXISTS if present else ABSENT
        items.append(item) if present else items.remove(item)
        return OK

    # -- what ip shows --

    def _show(self, words: str, family: int) -> list[dict[str, t.Any]]:
        if words == "address show":
            return [
                {**link, "addr_info": [a["row"] for a in self.addresses if a["dev"] == name]}
                for name, link in self.links.items()
            ]
        if words == "route show table all":
            return self.routes
        assert words == "rule show", words
        return [rule["row"] for rule in self.rules if rule["family"] == family]

    # -- links --

    def _link(self, name: str, **info: t.Any) -> None:
        flags = ["UP"] if not info else []
        self.links[name] = {"ifname": name, "ifindex": len(self.links) + 1, "mtu": 1500, "flags": flags}
        if info:
            self.links[name]["linkinfo"] = {"info_kind": info.pop("type"), "info_data": info}
            self.links[name]["mtu"] = 1480

    def _links(self, words: list[str]) -> Result:
        match words:
            case ["add", name, *options]:
                if name in self.links:
                    return EXISTS
                self._link(name, **self._tunnel(options))
            case ["delete", name]:
                if name not in self.links:
                    return Result(1, "", f"Cannot find device {name}\n")
                del self.links[name]
                self.addresses = [a for a in self.addresses if a["dev"] != name]
                self.routes = [r for r in self.routes if r.get("dev") != name]
            case ["set", name, "up"]:
                self.links[name]["flags"] = ["UP"]
            case ["set", name, "down"]:
                assert "linkinfo" in self.links[name], "an interface of the host was taken down"
                self.links[name]["flags"] = []
            case ["set", name, "mtu", mtu]:
                self.links[name]["mtu"] = int(mtu)
            case ["set", name, *options]:
                info = self._tunnel(options)
                assert self.links[name]["linkinfo"]["info_kind"] == info.pop("type")
                self.links[name]["linkinfo"]["info_data"] = info
            case _:
                raise AssertionError(words)
        return OK

    @staticmethod
    def _tunnel(words: list[str]) -> dict[str, t.Any]:
        flags = {word for word in words if word in ("icsum", "noicsum")}
        pairs = [word for word in words if word not in flags]
        info: dict[str, t.Any] = dict(zip(pairs[::2], pairs[1::2], strict=True))
        info.pop("mode", None)
        return info | ({"icsum": True} if "icsum" in flags else {})

    # -- addresses --

    def _address(self, interface: str, address: str, *, deprecated: bool = False) -> None:
        ip = ipaddress.ip_interface(address)
        row: dict[str, t.Any] = {"family": "inet6" if ip.version == 6 else "inet", "local": str(ip.ip)}
        row |= {"prefixlen": ip.network.prefixlen, "preferred_life_time": 0 if deprecated else 4294967295}
        if ip.version == 4 and any(a["dev"] == interface and a["net"] == str(ip.network) for a in self.addresses):
            row["secondary"] = True
        self.addresses.append({"dev": interface, "net": str(ip.network), "ip": str(ip.ip), "row": row})

    def _addresses(self, verb: str, address: str, interface: str, words: list[str]) -> Result:
        if interface not in self.links:
            return Result(1, "", f"Cannot find device {interface}\n")
        ip = ipaddress.ip_interface(address)
        same = [
            a
            for a in self.addresses
            if (a["dev"], a["ip"]) == (interface, str(ip.ip)) and (ip.version == 6 or a["net"] == str(ip.network))
        ]
        if verb == "delete":
            if not same:
                return Result(2, "", "RTNETLINK answers: Cannot assign requested address\n")
            self.addresses.remove(same[0])
            if "secondary" not in same[0]["row"] and ip.version == 4:  # promote_secondaries=0
                gone = [a for a in self.addresses if (a["dev"], a["net"]) == (interface, str(ip.network))]
                self.addresses = [a for a in self.addresses if a not in gone]
            return OK
        if same and verb == "add":
            return EXISTS
        for old in same:
            self.addresses.remove(old)
        self._address(interface, address, deprecated="0" in words)
        if same and "secondary" in same[0]["row"]:
            self.addresses[-1]["row"]["secondary"] = True
        return OK

    # -- routes --

    def _route(self, family: int, words: list[str], *, verb: str = "add") -> Result:
        kind, to, *pairs = words
        onlink = "onlink" in pairs
        options = [word for word in pairs if word != "onlink"]
        given = dict(zip(options[::2], options[1::2], strict=True))
        row: dict[str, t.Any] = {"type": TYPES[kind], "dst": to, "table": given.get("table", "254")}
        row |= {"protocol": given.get("proto", "3").replace("static", "4"), "flags": ["onlink"] if onlink else []}
        row |= {"pref": "medium"} if family == 6 else {"scope": given.get("scope", "0")}
        if "via" in given:
            row["gateway"] = given["via"]
        via = ipaddress.ip_address(given["via"]) if "via" in given else None
        near = [a["dev"] for a in self.addresses if via and via in ipaddress.ip_network(a["net"])]
        device = given.get("dev") or (near[0] if near else None)
        if device not in self.links or (via and not onlink and device not in near):
            return Result(2, "", "Error: Nexthop has invalid gateway.\n")
        row["dev"] = device
        if int(given.get("metric", 1024 if family == 6 else 0)):
            row["metric"] = int(given.get("metric", 1024))
        if "advmss" in given:
            row["metrics"] = [{"advmss": int(given["advmss"])}]
        same = [r for r in self.routes if self._same(r, row)]
        if verb == "delete":
            if not same:
                return ABSENT
            self.routes.remove(next(r for r in same if r["dev"] == device and r.get("gateway") == given.get("via")))
            return OK
        if same and verb == "add":
            return EXISTS
        if row in same[1:]:
            return EXISTS
        at = self.routes.index(same[0]) if same else len(self.routes)
        self.routes[at : at + len(same[:1])] = [row]
        return OK

    @staticmethod
    def _same(left: dict[str, t.Any], right: dict[str, t.Any]) -> bool:
        return all(left.get(f, 0) == right.get(f, 0) for f in ("dst", "table", "metric")) and (
            ("pref" in left) == ("pref" in right)
        )

    def _routes(self, verb: str, family: int, words: list[str]) -> Result:
        return self._route(family, words, verb=verb)

    # -- rules --

    def _rule(self, family: int, words: list[str], *, verb: str = "add") -> Result:
        inverted = words[:1] == ["not"]
        pairs = words[1:] if inverted else words
        given = dict(zip(pairs[::2], pairs[1::2], strict=True))
        row: dict[str, t.Any] = {"priority": int(given["priority"]), "src": "all", "table": given["table"]}
        for option, field, length in (("from", "src", "srclen"), ("to", "dst", "dstlen")):
            if option in given:
                row[field], bits = network_of(given[option], family)
                if bits != {4: 32, 6: 128}[family]:
                    row[length] = bits
        row |= {"not": None} if inverted else {}
        row |= {"fwmark": hex(int(given["fwmark"]))} if "fwmark" in given else {}
        protocols = {"tcp": "ipproto-6", "udp": "17", "sctp": "132"}
        row |= {"ipproto": protocols[given["ipproto"]]} if "ipproto" in given else {}
        row |= {"sport": int(given["sport"])} if "sport" in given else {}
        if "suppress_prefixlength" in given:
            row["suppress_prefixlen"] = int(given["suppress_prefixlength"])
        return self._toggle(self.rules, {"family": family, "row": row}, present=verb == "add")

    def _rules(self, verb: str, family: int, words: list[str]) -> Result:
        return self._rule(family, words, verb=verb)

    # -- packet filter --

    def _tables(self, argv: t.Sequence[str], stdin: str) -> Result:
        if not self.iptables:
            raise ProgramMissing(argv[0].removesuffix("-save").removesuffix("-restore"))
        if not self.nft and "legacy" not in argv[0]:
            return Result(1, "", f"{argv[0]} v1.8.9 (nf_tables): Failed to initialize nft: Protocol not supported\n")
        tool = argv[0].split("tables")[0]
        if "-save" in argv[0]:
            self.reads.append(" ".join(argv))
            table = argv[argv.index("-t") + 1]
            chains = self._table(tool, table)
            lines = [f"*{table}", *(f":{name} - [1:2]" for name in chains)]
            lines += [f"-A {name} {self._saved(rule)}" for name, rules in chains.items() for rule in rules]
            return Result(0, "\n".join([*lines, "COMMIT", ""]), "")
        assert list(argv[1:]) == ["-w", "--noflush"], argv
        self.calls.append(" ".join(argv))
        if self.fail_at == len(self.calls):
            return Result(1, "", "iptables-restore: line 2 failed\n")
        table = stdin.splitlines()[0][1:]
        chains = copy.deepcopy(self._table(tool, table))
        for line in stdin.splitlines()[1:-1]:
            match line.split(" ", 2):
                case [name, "-", "[0:0]"]:
                    chains[name[1:]] = []
                case ["-A", name, rule]:
                    chains[name].append(rule)
                case ["-D", name, rule]:
                    chains[name].remove(rule)
                case ["-F", name]:
                    assert name.startswith("MIXED_LB_"), "a chain that is not ours was flushed"
                    chains[name].clear()
                case ["-X", name]:
                    assert not chains[name] and not any(f"-j {name}" in r for rules in chains.values() for r in rules)
                    del chains[name]
                case _:
                    raise AssertionError(line)
        self.chains[tool, table] = chains
        return OK

    def _table(self, tool: str, table: str) -> dict[str, list[str]]:
        return self.chains.setdefault((tool, table), {"PREROUTING": [], "POSTROUTING": []})

    @staticmethod
    def _saved(rule: str) -> str:
        """As iptables-save spells it: other order, protocol of the match as a number, no mask for a single host."""
        if "-m ipvs" not in rule:
            return rule
        words = rule.replace("--vproto tcp", "--vproto 6").replace("--vproto udp", "--vproto 17").split()
        start, end = words.index("ipvs") + 1, words.index("-j")
        pairs = [words[at : at + 2] for at in range(start, end, 2)]
        pairs = [[flag, value.split("/")[0]] for flag, value in sorted(pairs, reverse=True)]
        return " ".join([*words[:start], *(word for pair in pairs for word in pair), *words[end:]])
