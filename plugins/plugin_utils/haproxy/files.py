# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of HAProxy: the main one, which all scopes share, and those of a scope."""

from __future__ import annotations

import re
import typing as t

from ..blocks import wanted
from . import proxies, servers, stats
from .balance import peers
from .features import check_version
from .text import Options, Section, duration, given, name, quote, render, timeouts, unique, words

FOLDER = "/etc/haproxy/mixed_lb"
HEAD = "# Written by mixed_lb.stack, role haproxy. Changes made here are lost."
_COUNTS = {"max_connections": "maxconn", "threads": "nbthread"}
"""0 leaves it to HAProxy."""
_CHECK = {"interval": "2s", "rise": 2, "fall": 3}
_TIMEOUTS = {
    "connect": "5s",
    "client": "50s",
    "server": "50s",
    "http_request": "10s",
    "http_keep_alive": "10s",
    "queue": "30s",
}
_FILE = re.compile(r"@([A-Za-z0-9_-]+\.(?:map|list|crtlist))@")


def haproxy_main(options: Options) -> str:
    """``haproxy.cfg``: what holds for the whole process."""
    check_version(options)
    tls = [
        *words(options, {"tls_ciphers": "ciphers", "tls_ciphersuites": "ciphersuites"}),
        f"options ssl-min-ver {options['tls_min_version']} {' '.join(options.get('tls_options') or ())}".rstrip(),
    ]
    body = [
        *(_log(each) for each in options.get("log") or ()),
        "chroot /var/lib/haproxy",
        "user haproxy",
        "group haproxy",
        f"localpeer {name('local_peer', options['local_peer'])}",
        f"stats socket {options['socket']} mode 660 group {options['socket_group']} level admin",
        "stats timeout 60s",
        f"server-state-file {options['state_file']}",
        *(f"{word} {options[key]}" for key, word in _COUNTS.items() if options.get(key)),
        *(
            [f"hard-stop-after {duration('hard_stop_after', options['hard_stop_after'])}"]
            if options.get("hard_stop_after")
            else []
        ),
        *(f"ssl-default-bind-{line}" for line in tls),
        *(options.get("global_lines") or ()),
    ]
    return render([HEAD, Section("global", body)])


def haproxy_files(options: Options) -> list[dict[str, str]]:
    """A scope's files but the secret ones, as ``daemon_config`` takes them."""
    check_version(options)
    scope = options["name"]
    texts = {f"{FOLDER}/{scope}.cfg": _scope(options)}
    for kind, suffix, line in (("maps", "map", _map_line), ("lists", "list", str)):
        entries = wanted(options.get(kind))
        unique(kind, entries)
        for each in entries:
            texts[_path(scope, name(kind, each["name"]), suffix)] = "".join(f"{line(x)}\n" for x in each["entries"])
    for each in wanted(options.get("certificate_lists")):
        lines = "".join(f"{_certificate(one)}\n" for one in each["certificates"])
        texts[_path(scope, name("certificate_lists", each["name"]), "crtlist")] = lines
    return [{"path": path, "content": _with_paths(scope, text, texts)} for path, text in texts.items()]


def haproxy_secret_files(options: Options) -> list[dict[str, str]]:
    """A scope's userlists, as ``daemon_config`` takes secret files; none where there are no users."""
    found = [_userlist(each) for each in wanted(options.get("userlists"))] + stats.userlist(options)
    if not found:
        return []
    return [{"path": f"{FOLDER}/{options['name']}.secret.cfg", "content": render([HEAD, *found])}]


def _scope(options: Options) -> str:
    scope = options["name"]
    shared = [Section(f"peers {scope}", peers(options))] if options.get("peers") else []
    return render(
        [
            f"{HEAD} Scope {scope}.",
            # asked over the socket, this tells which configuration runs
            Section("global", [f"setenv {generation_variable(scope)} @generation@"]),
            *_defaults(options),
            *(_resolvers(each) for each in wanted(options.get("resolvers"))),
            *shared,
            *stats.sections(options),
            *proxies.sections(options),
            *(["", *options["lines"]] if options.get("lines") else []),
        ]
    )


def generation_variable(scope: str) -> str:
    """The variable that tells the generation of a scope."""
    return f"MIXED_LB_{scope.replace('-', '_')}"


def _defaults(options: Options) -> list[Section]:
    """Sections of this scope alone: those of another would hold for whatever is read after them."""
    scope = options["name"]
    redispatch = "option redispatch" if options.get("redispatch", True) else "no option redispatch"
    own = [
        "log global",
        "option dontlognull",
        "option log-health-checks",
        # drain, weight and maintenance outlive a reload
        "load-server-state-from-file global",
        redispatch,
        f"retries {options.get('retries', 3)}",
        *timeouts("timeouts", {**_TIMEOUTS, **{k: v for k, v in (options.get("timeouts") or {}).items() if given(v)}}),
        # a name that does not resolve yet does not keep HAProxy from starting
        " ".join(["default-server init-addr last,libc,none", *servers.check_pace("check", _checks(options))]),
        *(options.get("default_lines") or ()),
    ]
    found = [Section(f"defaults {scope}", own)]
    entries = wanted(options.get("defaults"))
    unique("defaults", entries)
    for each in entries:
        body = [*timeouts(f"defaults {each['name']}", each.get("timeouts")), *words(each, {"retries": "retries"})]
        head = f"defaults {scope}.{name('defaults', each['name'])} from {scope}"
        found.append(Section(head, [*body, *(each.get("lines") or ())]))
    return found


def _checks(options: Options) -> dict[str, t.Any]:
    return {**_CHECK, **{key: value for key, value in (options.get("check") or {}).items() if given(value)}}


def _log(it: Options) -> str:
    found = [f"log {quote(it['address'])}", *words(it, {"length": "len", "format": "format"})]
    return " ".join([*found, str(it.get("facility") or "local0"), *([it["level"]] if it.get("level") else [])])


def _resolvers(it: Options) -> Section:
    servers_ = [
        f"nameserver {name('resolvers', each['name'])} {servers.endpoint(each['address'], each.get('port') or 53)}"
        for each in it.get("nameservers") or ()
    ]
    system = ["parse-resolv-conf"] if it.get("resolv_conf") else []
    return Section(f"resolvers {name('resolvers', it['name'])}", [*servers_, *system, *(it.get("lines") or ())])


def _userlist(it: Options) -> Section:
    body = [f"group {name('userlists', each['name'])}" for each in it.get("groups") or ()]
    for each in it.get("users") or ():
        body.append(stats.user(f"userlists: {it['name']}", each))
    return Section(f"userlist {name('userlists', it['name'])}", body)


def _map_line(entry: Options) -> str:
    key = str(entry["key"])
    if not key or any(character.isspace() for character in key):
        raise ValueError(f"maps: the key {key!r} must be one word")
    return f"{key} {entry['value']}"


def _certificate(it: Options) -> str:
    options = " ".join(it.get("options") or ())
    return " ".join([it["path"], *([f"[{options}]"] if options else []), *(it.get("names") or ())])


def _path(scope: str, file: str, suffix: str) -> str:
    return f"{FOLDER}/{scope}/{file}.{suffix}"


def _with_paths(scope: str, text: str, texts: t.Mapping[str, str]) -> str:
    """``@NAME.map@`` and its likes become paths. Raises ``ValueError`` for a file that is not there."""

    def path(found: re.Match[str]) -> str:
        target = f"{FOLDER}/{scope}/{found[1]}"
        if target not in texts:
            kind = {"map": "maps", "list": "lists", "crtlist": "certificate_lists"}[found[1].rpartition(".")[2]]
            raise ValueError(f"{found[0]}: there is no such entry in {kind}")
        return target

    return _FILE.sub(path, text)
