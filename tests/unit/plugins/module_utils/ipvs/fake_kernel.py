# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ipvsadm and a kernel in memory, written from the manual and the source of ipvsadm 1.31.

It shares no code with what it tests: it reads arguments from left to right as the real one does (so a mask before
``-6`` is lost), replaces whole records on ``-e`` and ``-E``, moves ports in DR and TUN, prints what the real one
prints, refuses with its words and exit codes, and goes on after a refused line of ``-R``.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import ProgramMissing, Result
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import FakeSystemctl, MemoryFiles

SCHEDULERS = {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "none"}
BITS = {"flag-1": 1, "flag-2": 2, "flag-3": 4, "sh-fallback": 1, "sh-port": 2, "mh-fallback": 1, "mh-port": 2}
NAMES = {"sh": {1: "sh-fallback", 2: "sh-port"}, "mh": {1: "mh-fallback", 2: "mh-port"}}
PLAIN = {1: "flag-1", 2: "flag-2", 4: "flag-3"}
SERVICE = {"-t": "TCP", "-u": "UDP", "--sctp-service": "SCTP"}
SWITCH = {protocol: switch for switch, protocol in SERVICE.items()}
METHOD = {"-g": "Route", "-m": "Masq", "-i": "Tunnel"}
CHECKSUM = {"--tun-nocsum": "-c", "--tun-csum": "+c", "--tun-remcsum": "r+c"}
INVALID = "Invalid operation.  Possibly wrong module version, address not unicast, ..."
HEADER = "IP Virtual Server version 1.2.1 (size=4096)\n"

Key = tuple[int, int, str, str, int]  # fwmark, family (4 or 6), protocol, address, port
Place = tuple[str, int]


class Exit(Exception):
    """``fail()`` of ipvsadm: the process ends here, in the middle of ``-R`` too."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Refused(Exception):
    """The kernel says no: exit code 255, and ``-R`` goes on."""


@dataclasses.dataclass
class Dest:
    method: str = "Route"
    weight: int = 1
    upper: int = 0
    lower: int = 0
    tunnel: str = "ipip"
    tunnel_port: int = 0
    checksum: str = "-c"
    active: int = 0
    inactive: int = 0


@dataclasses.dataclass
class Svc:
    scheduler: str = "wlc"
    bits: int = 0
    persistent: int = 0
    mask: str = ""
    engine: str = ""
    ops: bool = False
    dests: dict[Place, Dest] = dataclasses.field(default_factory=dict)


class KernelFiles(MemoryFiles):
    """Files of the host; the one below /proc says whether ip_vs is loaded."""

    kernel: FakeKernel

    def read(self, path: str) -> str | None:
        if path == "/proc/net/ip_vs_stats":
            return "   Total\n" if self.kernel.loaded else None
        return super().read(path)


class FakeKernel:
    """A ``Command``. ``calls`` are the argument lists, ``lines`` every command that was tried, alone or by ``-R``."""

    def __init__(self, *, loaded: bool = True, read_only: bool = False) -> None:
        self.table: dict[Key, Svc] = {}
        self.daemons: dict[str, dict[str, t.Any]] = {}
        self.timeouts = [900, 120, 300]
        self.loaded = loaded
        self.installed = True
        self.root = True
        self.has_module = True
        self.keepalived = False
        self.read_only = read_only
        self.refuse: set[str] = set()  # lines that the kernel refuses, for no reason
        self.calls: list[list[str]] = []
        self.lines: list[str] = []
        self.files = KernelFiles(read_only=read_only)
        self.files.kernel = self
        self.systemctl = FakeSystemctl(self.files)

    @property
    def writes(self) -> list[str]:
        return [line for line in self.lines if line.split()[0] not in ("-S", "-Sn", "-Ln", "-L")]

    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        if argv[0] == "systemctl" and "is-active" in argv:
            return Result(0 if self.keepalived else 3, "", "")
        if argv[0] == "systemctl":
            return self.systemctl(argv, stdin)
        if argv[0] != "ipvsadm" or not self.installed:
            raise ProgramMissing(argv[0])
        self.calls.append(list(argv))
        if not self.root:
            return Result(2, "", "Can't initialize ipvs: Permission denied (you must be root)\n")
        if not self.has_module:
            return Result(2, "", "Can't initialize ipvs: Protocol not available\nAre you sure that IP Virtual ...\n")
        assert self.loaded or not self.read_only, "ip_vs would be loaded where nothing may change"
        self.loaded = True
        try:
            if argv[1] == "-R":
                return self._restore(stdin or "")
            return self._one(list(argv[1:]))
        except Exit as error:
            return Result(error.code, "", f"{error}\n")

    def _restore(self, text: str) -> Result:
        rc, said = 0, ""
        for line in text.splitlines():
            words = [word for word in line.split() if word != "ipvsadm"]
            if words:
                result = self._one(words)
                rc, said = result.rc, said + result.err
        return Result(rc, "", said)

    def _one(self, words: list[str]) -> Result:
        self.lines.append(" ".join(words))
        if words[0] in ("-Sn", "-Ln"):
            return self._list(words)
        assert not self.read_only, f"ipvsadm {' '.join(words)} where nothing may change"
        commands: dict[str, t.Callable[[list[str]], None]] = {
            **dict.fromkeys(("-A", "-E"), self._write_service),
            **dict.fromkeys(("-a", "-e"), self._write_dest),
            **dict.fromkeys(("-D", "-d"), self._delete),
            "--set": self._set,
            "--start-daemon": self._start,
            "--stop-daemon": self._stop,
        }
        if words[0] not in commands:
            return Result(255, "", "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n")
        try:
            if " ".join(words) in self.refuse:
                raise Refused("Memory allocation problem")
            commands[words[0]](words)
        except Refused as error:
            return Result(255, "", f"{error}\n")
        return Result(0, "", "")

    # Reading arguments

    def _service(self, words: list[str]) -> tuple[Key, Svc, list[str]]:
        """Service and its settings, and the words that are left for the destination."""
        key: Key | None = None
        found, rest = Svc(mask="255.255.255.255"), []
        flags = ""
        queue = list(words[1:])
        while queue:
            word = queue.pop(0)
            if word in SERVICE:
                address, port = _endpoint(queue.pop(0), 0, "virtual server")
                key = (0, _family(address), SERVICE[word], address, port)
                found.mask = "128" if key[1] == 6 else found.mask
            elif word == "-f":
                mark = int(queue.pop(0))
                if not 0 < mark < 2**32:
                    raise Exit(2, "invalid fwmark value specified")
                key = (mark, 4, "", "", 0)
            elif word == "-6":
                if key is None or not key[0]:
                    raise Exit(2, "-6 used before -f")
                key, found.mask = (key[0], 6, "", "", 0), "128"
            elif word == "-s":
                found.scheduler = queue.pop(0)
            elif word == "-p":
                found.persistent = _limited(queue.pop(0), 1, 2678400, "timeout value")
            elif word == "-M":
                found.mask = queue.pop(0)
                if key is not None and key[1] == 6:
                    _limited(found.mask, 1, 128, "ipv6 netmask")
                else:
                    ipaddress.IPv4Address(found.mask)
            elif word == "--pe":
                found.engine = queue.pop(0)
            elif word == "-o":
                found.ops = True
            elif word == "-b":
                flags = queue.pop(0)
            else:
                rest.append(word)
        if key is None:
            raise Exit(2, "You need to supply the 'service' option")
        for flag in filter(None, flags.split(",")):
            if flag not in BITS or ("-" in flag and flag[:2] in NAMES and flag[:2] != found.scheduler):
                raise Exit(2, f"incompatible scheduler flag `{flag}'")
            found.bits |= BITS[flag]
        return key, found, rest

    def _dest(self, key: Key, words: list[str]) -> tuple[Place, Dest]:
        found, place, tunnel_options = Dest(), None, set()
        queue = list(words)
        while queue:
            word = queue.pop(0)
            if word == "-r":
                place = _endpoint(queue.pop(0), key[4], "real server")
            elif word in METHOD:
                found.method = METHOD[word]
            elif word == "-w":
                found.weight = _limited(queue.pop(0), 0, 2**31 - 1, "weight")
            elif word == "-x":
                found.upper = _limited(queue.pop(0), 0, 2**31 - 1, "u_threshold")
            elif word == "-y":
                found.lower = _limited(queue.pop(0), 0, 2**31 - 1, "l_threshold")
            elif word == "--tun-type":
                found.tunnel = queue.pop(0)
                tunnel_options.add(word)
            elif word == "--tun-port":
                found.tunnel_port = _limited(queue.pop(0), 1, 65535, "tunnel port")
                tunnel_options.add(word)
            elif word in CHECKSUM:
                found.checksum = CHECKSUM[word]
                tunnel_options.add("checksum" + ("rem" if word == "--tun-remcsum" else ""))
            else:
                raise Exit(2, f"Illegal '{word}' option")
        if place is None:
            raise Exit(2, "You need to supply the 'real-server' option")
        if found.method != "Masq" and not key[0]:
            place = (place[0], key[4])
        if _family(place[0]) != key[1] and found.method != "Tunnel":
            raise Exit(2, "Different address family is allowed only for tunneling servers")
        if tunnel_options and found.method != "Tunnel":
            raise Exit(2, "Tunnel options conflict with forward method")
        allowed = {"ipip": {"--tun-type"}, "gre": {"--tun-type", "checksum"}}.get(found.tunnel, tunnel_options)
        if tunnel_options - allowed:
            raise Exit(2, f"Illegal option with the '{found.tunnel}' tunnel type")
        if found.tunnel == "gue" and not found.tunnel_port:
            raise Exit(2, "You need to supply the 'tun-port' option for the 'gue' tunnel type")
        return place, found

    # What the kernel does

    def _write_service(self, words: list[str]) -> None:
        key, new, rest = self._service(words)
        if rest:
            raise Exit(2, f"Illegal '{rest[0]}' option")
        if not key[0] and not key[4] and not new.persistent:
            raise Exit(2, "Zero port specified for non-persistent service")
        if new.ops and not key[0] and key[2] != "UDP":
            raise Exit(2, "One-Packet Scheduling is only for UDP virtual services")
        old = self.table.get(key)
        if words[0] == "-A" and old is not None:
            raise Refused("Service already exists")
        if words[0] == "-E" and old is None:
            raise Refused("No such service")
        if new.scheduler not in SCHEDULERS or new.engine not in ("", "sip"):
            raise Refused("Scheduler or persistence engine not found")
        new.dests = old.dests if old else {}
        self.table[key] = new

    def _write_dest(self, words: list[str]) -> None:
        key, _settings, rest = self._service(words)
        place, new = self._dest(key, rest)
        if key not in self.table:
            raise Refused("Service not defined")
        dests = self.table[key].dests
        if new.lower > new.upper:
            raise Refused("Numerical result out of range")
        if ipaddress.ip_address(place[0]).is_multicast or (_family(place[0]) != key[1] and self.daemons):
            raise Refused(INVALID)
        if words[0] == "-a" and place in dests:
            raise Refused("Destination already exists")
        if words[0] == "-e" and place not in dests:
            raise Refused("No such destination")
        old = dests.get(place, new)
        new.active, new.inactive = old.active, old.inactive
        dests[place] = new

    def _delete(self, words: list[str]) -> None:
        key, _settings, rest = self._service(words)
        if words[0] == "-D":
            if self.table.pop(key, None) is None:
                raise Refused("No such service")
            return
        if key not in self.table:
            raise Refused("Service not defined")
        # The method is not known here, so the port has to be the right one.
        place = _endpoint(rest[1], key[4], "real server")
        if self.table[key].dests.pop(place, None) is None:
            raise Refused("No such destination")

    def _set(self, words: list[str]) -> None:
        if len(words) != 4:
            raise Exit(2, "--set option requires 3 timeout values")
        new = [_limited(word, 0, 2678400, "timeout value") for word in words[1:]]
        self.timeouts = [value or old for value, old in zip(new, self.timeouts, strict=True)]

    def _start(self, words: list[str]) -> None:
        values = dict(zip(words[2::2], words[3::2], strict=True))
        if words[1] in self.daemons:
            raise Refused("Daemon has already run")
        if values["--mcast-interface"] == "missing0":
            raise Refused("No such device")
        if any(_family(place[0]) != key[1] for key, svc in self.table.items() for place in svc.dests):
            raise Refused(INVALID)
        # net/netfilter/ipvs/ip_vs_sync.c, start_sync_thread, on an interface with an MTU of 1500
        headers = 48 if ":" in values.get("--mcast-group", "") else 28
        least = 1024 if words[1] == "backup" else 1
        length = _limited(values.get("--sync-maxlen", str(1500 - headers)), 1, 65507, "sync maxlen")
        self.daemons[words[1]] = {
            "mcast": values["--mcast-interface"],
            "syncid": values.get("--syncid", "0"),
            "maxlen": str(min(max(length, least), 65535 - headers)),
            "group": values.get("--mcast-group", "224.0.0.81"),
            "port": values.get("--mcast-port", "8848"),
            "ttl": values.get("--mcast-ttl", "1"),
        }

    def _stop(self, words: list[str]) -> None:
        if self.daemons.pop(words[1], None) is None:
            raise Refused("No daemon is running")

    # What is printed

    def _list(self, words: list[str]) -> Result:
        if words == ["-Sn"]:
            return Result(0, self._saved(), "")
        if "--timeout" in words:
            return Result(0, "Timeout (tcp tcpfin udp): {} {} {}\n".format(*self.timeouts), "")
        if "--daemon" in words:
            texts = [
                f"{role} sync daemon ({', '.join(f'{name}={value}' for name, value in self.daemons[role].items())})\n"
                for role in ("master", "backup")
                if role in self.daemons
            ]
            return Result(0, "".join(texts), "")
        return Result(0, HEADER + self._listed(words[1:]), "")

    def _saved(self) -> str:
        lines = []
        for key, svc in sorted(self.table.items()):
            name = _rule_name(key)
            text = f"-A {name} -s {svc.scheduler}"
            if svc.persistent:
                text += f" -p {svc.persistent}"
                text += f" -M {svc.mask}" if svc.mask not in ("255.255.255.255", "128") else ""
            text += f" --pe {svc.engine}" if svc.engine else ""
            text += " -o" if svc.ops else ""
            names = NAMES.get(svc.scheduler, PLAIN)
            flags = ",".join(flag for bit, flag in names.items() if svc.bits & bit)
            lines.append(text + (f" -b {flags}" if svc.bits else ""))
            for place, dest in svc.dests.items():
                switch = next(switch for switch, method in METHOD.items() if method == dest.method)
                text = f"-a {name} -r {_shown(*place)} {switch} -w {dest.weight}"
                if dest.method == "Tunnel":
                    text += f" --tun-type {dest.tunnel}"
                    text += f" --tun-port {dest.tunnel_port}" if dest.tunnel == "gue" else ""
                    option = next(option for option, sign in CHECKSUM.items() if sign == dest.checksum)
                    text += f" {option}" if dest.tunnel != "ipip" else ""
                lines.append(text)
        return "".join(line + "\n" for line in lines)

    def _listed(self, options: list[str]) -> str:
        stats = "--stats" in options or "--rate" in options
        lines = ["Prot LocalAddress:Port            (columns)", "  -> RemoteAddress:Port"]
        for key, svc in sorted(self.table.items()):
            name = f"FWM  {_signed(key[0])}" if key[0] else f"{key[2]:4} {_shown(key[3], key[4])}"
            name += " IPv6" if key[0] and key[1] == 6 else ""
            lines.append(
                f"{name:33}        1        2        3        4        5" if stats else f"{name} {svc.scheduler}"
            )
            for place, dest in svc.dests.items():
                shown = f"  -> {_shown(*place):28} "
                if stats:
                    lines.append(f"{shown}        1        2        3        4        5")
                elif "--persistent-conn" in options:
                    lines.append(f"{shown}{dest.weight:<9} {7:<11} {dest.active:<10} {dest.inactive:<10}")
                else:
                    lines.append(f"{shown}{dest.upper:<10} {dest.lower:<10} {dest.active:<10} {dest.inactive:<10}")
        return "".join(line + "\n" for line in lines)


def _endpoint(text: str, port: int, what: str) -> Place:
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        if not bracket or not rest.startswith(":"):
            raise Exit(2, f"illegal {what} address[:port] specified")
        return str(ipaddress.IPv6Address(address)), int(rest[1:])
    if text.count(":") > 1:
        return str(ipaddress.IPv6Address(text)), port
    address, colon, rest = text.partition(":")
    try:
        return str(ipaddress.IPv4Address(address)), int(rest) if colon else port
    except ValueError as error:
        raise Exit(2, f"illegal {what} address[:port] specified") from error


def _limited(text: str, low: int, high: int, what: str) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise Exit(2, f"illegal {what} specified")
    return int(text)


def _family(address: str) -> int:
    return 6 if ":" in address else 4


def _shown(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _signed(mark: int) -> int:
    return mark - 2**32 if mark >= 2**31 else mark


def _rule_name(key: Key) -> str:
    if key[0]:
        return f"-f {_signed(key[0])}" + (" -6" if key[1] == 6 else "")
    return f"{SWITCH[key[2]]} {_shown(key[3], key[4])}"
