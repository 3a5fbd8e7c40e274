# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a backend chooses among its servers, and what keeps a client with one."""

from __future__ import annotations

import typing as t

from ..addresses import before_port
from . import features
from .features import require
from .text import Options, duration, given, quote, times, words

PEER_PORT = 10000
HTTP_ONLY = ("uri", "url_param", "hdr")
_PLAIN = ("roundrobin", "static-rr", "leastconn", "first", "source", "sticky")
_WITH_ARGUMENT = ("url_param", "hdr", "hash", "log-hash")
_OPTIONAL_ARGUMENT = ("uri", "random", "rdp-cookie")
ALGORITHMS = (*_PLAIN, *_WITH_ARGUMENT, *_OPTIONAL_ARGUMENT)
_IN_BRACKETS = ("hdr", "random", "rdp-cookie")
_NEEDS = {"sticky": features.STICKY, "log-hash": features.LOG_HASH}
_LOG_ONLY = ("sticky", "log-hash")
_COOKIE_MODES = ("insert", "prefix", "rewrite")
_COOKIE_FLAGS = ("indirect", "nocache", "postonly", "preserve", "httponly", "secure", "dynamic")


def balance(where: str, it: Options, mode: str, options: Options) -> list[str]:
    """The lines ``balance``, ``hash-type`` and ``hash-balance-factor``."""
    algorithm, argument = it.get("balance") or "roundrobin", it.get("balance_on")
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{where}: balance {algorithm!r} is none of {', '.join(ALGORITHMS)}")
    if algorithm in _NEEDS:
        require(where, _NEEDS[algorithm], options)
    if algorithm in HTTP_ONLY and mode != "http":
        raise ValueError(f"{where}: balance {algorithm} needs mode http")
    if algorithm in _LOG_ONLY and mode != "log":
        raise ValueError(f"{where}: balance {algorithm} needs mode log")
    if algorithm in _WITH_ARGUMENT and not given(argument):
        raise ValueError(f"{where}: balance {algorithm} needs balance_on, what to look at")
    if algorithm in _PLAIN and given(argument):
        raise ValueError(f"{where}: balance {algorithm} has no balance_on")
    if given(argument):
        algorithm += f"({argument})" if algorithm in _IN_BRACKETS else f" {argument}"
    kind = it.get("hash_type")
    if kind and "none" in kind.split():
        require(where, features.NO_HASH, options)
    if given(it.get("hash_balance_factor")) and not (kind or "").startswith("consistent"):
        raise ValueError(f"{where}: hash_balance_factor needs hash_type consistent")
    if it.get("hash_key"):
        require(where, features.HASH_KEY, options)
    return [
        f"balance {algorithm}",
        *([f"hash-type {kind}"] if kind else []),
        *words(it, {"hash_balance_factor": "hash-balance-factor"}),
    ]


def cookie(where: str, it: Options, mode: str) -> list[str]:
    """The line ``cookie``."""
    found = it.get("cookie")
    if not found:
        return []
    if mode != "http":
        raise ValueError(f"{where}: cookie needs mode http")
    how = found.get("mode") or "insert"
    if how not in _COOKIE_MODES:
        raise ValueError(f"{where}: cookie: mode {how!r} is none of {', '.join(_COOKIE_MODES)}")
    # Inserted: the application never sees it, and no cache may hand it to others.
    flags = {
        "indirect": how == "insert",
        "nocache": how == "insert",
        **{k: v for k, v in found.items() if v is not None},
    }
    line = [
        f"cookie {quote(found['name'])} {how}",
        *(flag for flag in _COOKIE_FLAGS if flags.get(flag)),
        *times(f"{where}: cookie", found, {"max_idle": "maxidle", "max_life": "maxlife"}),
        *words(found, {"domain": "domain"}),
        *(f"attr {quote(each)}" for each in found.get("attributes") or ()),
    ]
    if how != "insert" and len(line) > 1 and (found.get("indirect") or found.get("preserve")):
        raise ValueError(f"{where}: cookie: indirect and preserve need mode insert")
    return [" ".join(line)]


def stickiness(where: str, it: Options, options: Options) -> list[str]:
    """The stick table and the rules that fill it. Peers of the scope share it unless it says otherwise."""
    table, sticks = it.get("stick_table"), it.get("stick") or []
    if not table:
        if sticks and not all(" table " in f" {each} " for each in sticks):
            raise ValueError(f"{where}: stick needs stick_table, or the name of another backend's table")
        return [f"stick {each}" for each in sticks]
    shared = table.get("peers", True) and options.get("peers")
    line = [
        f"stick-table type {table.get('type') or 'ip'}",
        *words(table, {"length": "len"}),
        f"size {table.get('size') or '100k'}",
        f"expire {duration(f'{where}: stick_table: expire', table.get('expire') or '30m')}",
        *(["nopurge"] if table.get("nopurge") else []),
        *([f"peers {options['name']}"] if shared else []),
        *([f"store {','.join(table['store'])}"] if table.get("store") else []),
    ]
    return [" ".join(line), *(f"stick {each}" for each in sticks)]


def peers(options: Options) -> list[str]:
    """The lines of the section ``peers``: the hosts that hold the same stick tables."""
    members: t.Sequence[Options] = options.get("peers") or []
    local = options["local_peer"]
    if local not in [each["name"] for each in members]:
        raise ValueError(
            f"peers: {', '.join(str(each['name']) for each in members)} do not hold this host, {local}."
            f" Name it, or set local_peer to its name among them"
        )
    return [f"peer {each['name']} {before_port(each['address'])}:{each.get('port') or PEER_PORT}" for each in members]
