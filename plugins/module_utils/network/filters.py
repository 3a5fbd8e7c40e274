# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet-filter rules in chains of our own, for iptables-restore --noflush. Pure.

iptables and not nft, as only it has a match for IPVS connections; both of its back ends read and print the same text.
"""

from __future__ import annotations

import hashlib
import ipaddress
import shlex
import typing as t

HOOKS = {"mangle": "PREROUTING", "nat": "POSTROUTING"}
TOOLS = {4: "iptables", 6: "ip6tables"}
_LONGEST = 28  # the kernel's limit for the name of a chain
_PROTOCOLS = {"tcp": "6", "udp": "17", "sctp": "132", "ipv6-icmp": "58", "icmp": "1"}
Address: t.TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
Network: t.TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


def chain_of(scope: str) -> str:
    """The name of the scope's chain; a long scope is cut and made unique again by a hash."""
    name = f"MIXED_LB_{scope.upper()}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 7]}_{hashlib.sha256(scope.encode()).hexdigest()[:6].upper()}"


def mark_rule(vip: Address, protocol: str | None, port: int | None, mark: int) -> str:
    """Marks packets to the VIP, so that a firewall-mark service takes them."""
    words = ["-d", f"{vip}/{vip.max_prefixlen}"]
    words += ["-p", protocol] if protocol else []
    words += ["-m", str(protocol), "--dport", str(port)] if port is not None else []
    return " ".join([*words, "-j", "MARK", "--set-xmark", f"{mark:#x}/0xffffffff"])


def source_nat_rule(source: Network, vip: Address, protocol: str, port: int | None) -> str:
    """Gives connections from ``source`` that IPVS forwards for the VIP an address of the director."""
    # iptables does not show a source that is anything, so it is not written either.
    words = ["-s", str(source)] if source.prefixlen else []
    words += ["-m", "ipvs", "--vaddr", f"{vip}/{vip.max_prefixlen}", "--vproto", protocol]
    words += ["--vport", str(port)] if port is not None else []
    return " ".join([*words, "-j", "MASQUERADE"])


def restore_text(table: str, chain: str, rules: t.Sequence[str] | None, jump: bool) -> str:
    """Input for iptables-restore --noflush, applied as one: the chain's new content, and the jump to it if ``jump``.

    ``rules`` ``None`` takes the chain away; then ``jump`` says whether there is a jump to take away too.
    """
    hook = HOOKS[table]
    if rules is None:
        unhook = [f"-D {hook} -j {chain}"] if jump else []
        body = [*unhook, f"-F {chain}", f"-X {chain}"]
    else:
        # Naming a chain of our own makes it, or empties it; built-in chains are left alone.
        body = [f":{chain} - [0:0]", *(f"-A {chain} {rule}" for rule in rules)]
        body += [f"-A {hook} -j {chain}"] if jump else []
    return "\n".join([f"*{table}", *body, "COMMIT", ""])


def chain_in(saved: str, table: str, chain: str) -> tuple[tuple[str, ...] | None, bool]:
    """The chain's rules in the output of iptables-save (``None``: no such chain), and whether its hook jumps to it."""
    rules: list[str] = []
    inside = exists = jumps = False
    for line in saved.splitlines():
        if line.startswith("*"):
            inside = line == f"*{table}"
        elif inside and line.startswith(f":{chain} "):
            exists = True
        elif inside and line.startswith(f"-A {chain} "):
            rules.append(line.removeprefix(f"-A {chain} "))
        elif inside and line == f"-A {HOOKS[table]} -j {chain}":
            jumps = True
    return (tuple(rules) if exists else None), jumps


def same_rules(live: t.Sequence[str] | None, wanted: t.Sequence[str]) -> bool:
    """Whether the rules mean the same; iptables-save orders and spells options in its own way."""
    return live is not None and [_meaning(rule) for rule in live] == [_meaning(rule) for rule in wanted]


def _meaning(rule: str) -> frozenset[tuple[str, ...]]:
    options: list[list[str]] = []
    for word in shlex.split(rule):
        if word.startswith("-") and not word[1:2].isdigit():
            options.append([word])
        elif options:
            options[-1].append(word)
    # -m only loads a match, and --ipvs follows from the others of that match
    return frozenset(_plain(words) for words in options if words[0] not in ("-m", "--ipvs"))


def _plain(words: list[str]) -> tuple[str, ...]:
    if words[0] in ("-p", "--vproto"):
        return (words[0], *(_PROTOCOLS.get(word, word) for word in words[1:]))
    if words[0] in ("-s", "-d", "--vaddr") and len(words) == 2:
        try:
            return (words[0], str(ipaddress.ip_network(words[1], strict=False)))
        except ValueError:
            return tuple(words)
    return tuple(words)
