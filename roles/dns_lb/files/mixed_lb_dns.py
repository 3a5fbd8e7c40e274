# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Written by mixed_lb.stack, role dns_lb. Changes made here are lost. Asks PowerDNS what it has to answer.

check                         start a server on the loopback with the zones in /etc/powerdns, and ask it for every name
cold                          flag the names whose checks have not all run yet; answer.lua then knows that it knows nothing
warm ADDRESS PORT             ask for every balanced name, wait for its checks, take the flags away
probe ADDRESS PORT SCOPE      whether the server serves the zones of the scope as they are in /etc/powerdns
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import typing as t

FOLDER = os.environ.get("MIXED_LB_DNS_FOLDER", "/etc/powerdns/mixed_lb")
RUN = os.environ.get("MIXED_LB_DNS_RUN", "/run/pdns/mixed_lb")
TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "NAPTR": 35, "DS": 43,
    "SSHFP": 44, "RRSIG": 46, "TLSA": 52, "SVCB": 64, "HTTPS": 65, "CAA": 257,
}  # fmt: skip
SERVFAIL, REFUSED = 2, 5
MARK = "_mixed-lb"
STARTS_WITHIN = 10


class Answer(t.NamedTuple):
    """A reply: its code, and the records of its answer section as type and data."""

    code: int
    records: list[tuple[int, bytes]]


def ask(address: str, port: int, name: str, kind: str, timeout: float = 2.0) -> Answer:
    """One question over UDP, with room for signatures; over TCP where the reply is truncated. Raises ``OSError``."""
    ident = secrets.token_bytes(2)
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    number = TYPES.get(kind) or int(kind.removeprefix("TYPE"))
    # One question and, in the additional section, EDNS with the bit that asks for signatures.
    query = ident + bytes.fromhex("00000001000000000001") + question + number.to_bytes(2) + b"\0\1"
    query += bytes.fromhex("0000291000000080000000")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.settimeout(timeout)
        asker.connect((address, port))
        asker.send(query)
        reply = asker.recv(65535)
        while reply[:2] != ident:
            reply = asker.recv(65535)
    if reply[2] & 2:
        with socket.create_connection((address, port), timeout) as stream, stream.makefile("rb") as file:
            stream.sendall(len(query).to_bytes(2) + query)
            reply = file.read(int.from_bytes(file.read(2)))
    return parse(reply)


def parse(reply: bytes) -> Answer:
    """The answer section of a DNS message."""
    at = 12
    for _entry in range(int.from_bytes(reply[4:6])):
        at = _after_name(reply, at) + 4
    records = []
    for _entry in range(int.from_bytes(reply[6:8])):
        at = _after_name(reply, at)
        length = int.from_bytes(reply[at + 8 : at + 10])
        records.append((int.from_bytes(reply[at : at + 2]), reply[at + 10 : at + 10 + length]))
        at += 10 + length
    return Answer(reply[3] & 15, records)


def _after_name(reply: bytes, at: int) -> int:
    while reply[at] not in (0, *range(192, 256)):
        at += reply[at] + 1
    return at + (2 if reply[at] else 1)


def read(scope: str | None = None) -> list[dict[str, t.Any]]:
    """What there is to ask for, a dictionary a scope."""
    files = sorted(name for name in os.listdir(FOLDER) if name.endswith(".names"))
    result = []
    for name in files:
        if scope in (None, name.removesuffix(".names")):
            with open(f"{FOLDER}/{name}", encoding="utf-8") as file:
                result.append(json.load(file))
    return result


def zone_faults(address: str, port: int, scopes: list[dict[str, t.Any]]) -> list[str]:
    """Zones that the server does not serve, or not as they are in the files."""
    found = []
    for zone in (zone for scope in scopes for zone in scope["zones"]):
        answer = ask(address, port, f"{MARK}.{zone['name']}", "TXT")
        texts = [data[1:].decode() for kind, data in answer.records if kind == TYPES["TXT"]]
        if texts != [zone["digest"]]:
            found.append(
                f"{zone['name']}: served is {texts or f'nothing (code {answer.code})'}, wanted {zone['digest']}"
            )
        elif zone["signed"] and TYPES["RRSIG"] not in dict(answer.records):
            found.append(f"{zone['name']}: has keys, but its answers are not signed")
    return found


def record_faults(address: str, port: int, scopes: list[dict[str, t.Any]]) -> list[str]:
    """Plain records that get no answer; balanced ones are asked too, what is wrong with their code is in the log."""
    found = []
    for scope in scopes:
        for name, kind in scope["plain"]:
            if kind not in TYPES and not kind.startswith("TYPE"):
                continue
            answer = ask(address, port, name, kind)
            if answer.code or not answer.records:
                found.append(f"{name} {kind}: no answer (code {answer.code}), its value is not one of type {kind}")
        for it in scope["balanced"]:
            ask(address, port, it["name"], it["type"])
    return found


def check() -> list[str]:
    """Serve the zones in /etc/powerdns on the loopback for a moment; returns what is wrong with them."""
    scopes = read()
    with tempfile.TemporaryDirectory(prefix="mixed-lb-dns-") as folder:
        with open(f"{folder}/zones.yml", "w", encoding="utf-8") as zones:
            zones.write("domains:\n")
            for name in sorted(name for name in os.listdir(FOLDER) if name.endswith(".zone")):
                with open(f"{FOLDER}/{name}", encoding="utf-8") as part:
                    zones.write(part.read())
        port = _free_port()
        with open(f"{folder}/log", "w+", encoding="utf-8", errors="replace") as log:
            argv = ["pdns_server", "--daemon=no", "--guardian=no", "--write-pid=no", "--disable-syslog", "--loglevel=6"]
            argv += [
                "--log-timestamp=no",
                "--local-address=127.0.0.1",
                f"--local-port={port}",
                "--webserver=no",
                "--api=no",
            ]
            argv += [f"--socket-dir={folder}", f"--geoip-zones-file={folder}/zones.yml", "--setuid=", "--setgid="]
            argv += ["--chroot=", "--secondary=no", "--primary=no"]
            # Its environment tells no service manager that the real server is ready.
            server = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, env={"PATH": os.environ["PATH"]})
            try:
                started = not (found := _wait_until_it_answers(server, port))
                if started:
                    found = zone_faults("127.0.0.1", port, scopes) + record_faults("127.0.0.1", port, scopes)
            finally:
                server.terminate()
                try:
                    server.wait(5)
                except subprocess.TimeoutExpired:
                    server.kill()
            log.seek(0)
            said = log.read()
    return found + complaints(said, all_of_it=not started)


def complaints(log: str, *, all_of_it: bool = False) -> list[str]:
    """Lines of the throw-away server's log that tell of broken records; its last words where it did not start."""
    pattern = r"Lua record \(.*reported|unknown selector|Exception building answer|[Rr]eload failed|Fatal error|Error"
    lines = [line for line in log.splitlines() if re.search(pattern, line) and "mixed_lb: " not in line]
    return lines[:20] or (log.splitlines()[-5:] if all_of_it else [])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int) -> list[str]:
    deadline = time.monotonic() + STARTS_WITHIN
    while server.poll() is None and time.monotonic() < deadline:
        try:
            ask("127.0.0.1", port, "mixed-lb.invalid", "SOA", 0.5)
            return []
        except OSError:
            time.sleep(0.1)
    return [f"pdns_server does not start with these zones (exit code {server.poll()})"]


def balanced() -> list[dict[str, t.Any]]:
    """The balanced names that have checks, of all scopes."""
    return [it for scope in read() for it in scope["balanced"] if it["targets"]]


def _known() -> set[str]:
    try:
        with open(f"{RUN}/checked.json", encoding="utf-8") as file:
            return set(json.load(file))
    except (OSError, ValueError):
        return set()


def cold() -> list[str]:
    """Flag the names that have a target which the running server has never checked."""
    known = _known()
    for it in balanced():
        if not known.issuperset(it["targets"]):
            with open(f"{RUN}/cold/{it['key']}", "w", encoding="utf-8"):
                pass
    return []


def warm(address: str, port: int) -> list[str]:
    """Make all checks begin, wait until they have run, and take the flags away."""
    names, seconds = balanced(), max((scope["wait"] for scope in read()), default=0)
    known, wanted = _known(), {target for it in names for target in it["targets"]}
    for it in names:
        for _try in range(5):
            try:
                ask(address, port, it["name"], it["type"], 1.0)
                break
            except OSError:
                time.sleep(0.2)
    if not wanted <= known:
        time.sleep(seconds)
    with open(f"{RUN}/checked.new", "w", encoding="utf-8") as file:
        json.dump(sorted(known | wanted), file)
    os.replace(f"{RUN}/checked.new", f"{RUN}/checked.json")
    for flag in os.listdir(f"{RUN}/cold"):
        os.remove(f"{RUN}/cold/{flag}")
    return []


def main(words: list[str]) -> int:
    """Do what the first word says; what is wrong goes to standard error."""
    try:
        match words:
            case ["check"]:
                found = check()
            case ["cold"]:
                found = cold()
            case ["warm", address, port]:
                found = warm(address, int(port))
            case ["probe", address, port, scope]:
                found = zone_faults(address, int(port), read(scope))
            case _:
                found = [__doc__ or ""]
    except OSError as error:
        found = [f"{' '.join(words)}: {error}"]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
