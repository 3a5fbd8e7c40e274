# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the servers behind nginx, and takes those that fail out of it: checker.py FILE

FILE says which servers, how, and which files nginx includes for them (plugin_utils/nginx/checks.py writes it). Two
processes: the child asks the servers, as nobody; the parent counts, writes the files and reloads nginx, at most once a
second. It writes only files that are there, so one that a newer configuration has left behind stays gone. When it ends,
for whatever reason, nginx goes on with what it was told last. SIGHUP starts it anew with FILE as it is then.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import re
import select
import signal
import ssl
import subprocess
import sys
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from pools import Health, Monitor, Pool, Server  # type: ignore[import-not-found]

NOBODY = 65534
BODY = 65536
GRACE = 0.1
RELOADS = 1.0
"""Seconds between two reloads of nginx."""
RETRY = 5.0
"""Seconds after which a reload that was refused is tried again."""

Config = dict[str, t.Any]


def load(path: str) -> Config:
    """The configuration; raises ``ValueError`` or ``KeyError`` where it is none."""
    with open(path, encoding="utf-8") as file:
        config: Config = json.load(file)
    monitor(config)
    return config


def monitor(config: Config) -> Monitor:
    """What keeps count of the results."""
    found = []
    for pool in config["pools"]:
        members = tuple(Server(**{name: each[name] for name in Server._fields}) for each in pool["servers"])
        found.append(Pool(**{**{name: pool[name] for name in Pool._fields}, "servers": members}))
    return Monitor(found)


# The child: asks.


def probe(config: Config, out: t.BinaryIO, leash: int) -> None:
    """Ask all servers for ever, and write a line with each result; ends when nobody holds the other end of the leash."""

    async def run() -> None:
        asyncio.get_running_loop().add_reader(leash, os._exit, 0)
        await asyncio.gather(
            *(watch(pool, server, out) for pool in config["pools"] for server in pool["servers"] if not server["out"])
        )

    with contextlib.suppress(BrokenPipeError):
        asyncio.run(run())


async def watch(pool: Config, server: Config, out: t.BinaryIO) -> None:
    """Check one server at a steady pace, and twice as often while it fails."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        reason = await ask(server["check"], pool["timeout"])
        line = json.dumps([pool["name"], server["key"], not reason, reason])
        out.write(line.encode() + b"\n")
        out.flush()
        # Sooner after a failure: what is left of interval x fall is for the reload. A slow check is not made up for.
        due = max(due + pool["interval"] / (2 if reason else 1), loop.time())
        await asyncio.sleep(due - loop.time())


async def ask(check: Config, timeout: float) -> str:
    """Why the server fails, or nothing."""
    try:
        return await asyncio.wait_for(_answer(check), timeout)
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except (OSError, ValueError, EOFError) as error:
        return str(error) or type(error).__name__


async def _answer(check: Config) -> str:
    encryption = _encryption(check) if check["type"] == "https" else None
    name = re.sub(r":\d+$", "", check["host"]).strip("[]") if encryption else None
    if str(check["address"]).startswith("unix:"):
        path = check["address"].removeprefix("unix:")
        reader, writer = await asyncio.open_unix_connection(path, ssl=encryption, server_hostname=name)
    else:
        reader, writer = await asyncio.open_connection(
            check["address"], check["port"], ssl=encryption, server_hostname=name
        )
    try:
        return "" if check["type"] == "tcp" else await _http(check, reader, writer)
    finally:
        # Not waited for: a peer that does not close in turn is no failure.
        writer.transport.abort()


def _encryption(check: Config) -> ssl.SSLContext:
    """Made anew only where the host's certificates have changed: to read them takes so long that others would time out."""
    if not check["verify"]:
        return _believing()
    paths = ssl.get_default_verify_paths()
    return _verifying(tuple(os.stat(path).st_mtime_ns for path in (paths.cafile, paths.capath) if path))


@functools.cache
def _believing() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@functools.lru_cache(maxsize=1)
def _verifying(_changed: tuple[int, ...]) -> ssl.SSLContext:
    return ssl.create_default_context()


async def _http(check: Config, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(
        f"{check['method']} {check['path']} HTTP/1.1\r\nHost: {check['host']}\r\n"
        "User-Agent: mixed_lb-checker\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
    )
    await writer.drain()
    head = (await reader.readline()).decode(errors="replace")
    found = re.match(r"HTTP/\d\.\d (\d{3})", head)
    if not found:
        return f"no HTTP: {head[:80]!r}"
    status = int(found[1])
    good = any(low <= status <= high for low, high in check["status"])
    said = b""
    try:
        # What nobody needs is read too, but not waited for: closing on it would look like an error to the server.
        async with asyncio.timeout(None if good and check["expects"] else GRACE):
            while len(said) < BODY and (part := await reader.read(BODY)):
                said += part
    except TimeoutError:
        pass
    if not good:
        return f"status {status}"
    body = said.partition(b"\r\n\r\n")[2].decode(errors="replace")
    return "" if re.search(check["expects"], body) else f"no {check['expects']!r} in the body"


# The parent: decides.


class Keeper:
    """Holds the files of nginx to what the checks say."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.monitor = monitor(config)
        self.stale = True
        """The files may say something else than the checks."""
        self.told = True
        """nginx knows what the files say."""
        self.earliest = 0.0
        """When nginx may be reloaded next."""
        self._remember()

    def _remember(self) -> None:
        """Go on where the last run ended: with its status, or after a boot with what nginx's files say."""
        before = json.loads(_read(self.config["status"]) or "{}")
        self.told = before.get("told", True)
        for name, pool in self.monitor.pools.items():
            text = _read(pool.file)
            for server in pool.servers:
                known = before.get("pools", {}).get(name, {}).get(server.key)
                if known is not None:
                    self.monitor.health[name, server.key] = Health(known["ok"], 0, known["since"], known["reason"])
                elif text is not None and not server.out:
                    ok = re.search(rf"(?:^|\s){re.escape(server.up.rstrip(';'))};$", text, re.MULTILINE) is not None
                    self.monitor.health[name, server.key] = Health(ok, 0, 0, "" if ok else "before the start")

    def hear(self, line: bytes, now: float) -> None:
        """Take in a line of the child."""
        pool, key, ok, reason = json.loads(line)
        if self.monitor.heard(pool, key, ok, reason, now):
            _log(f"{pool}: {key} {'is back' if ok else f'has failed: {reason}'}")
            self.stale = True

    def patience(self, now: float) -> float | None:
        """Seconds until ``settle`` has something to do; None where it has nothing."""
        return max(self.earliest - now, 0) if self.stale or not self.told else None

    def settle(self, now: float) -> None:
        """Write what has changed and reload nginx, unless it was reloaded just now."""
        if self.patience(now) != 0:
            return
        wrong = {path: text for path, text in self.monitor.texts().items() if _read(path) not in (None, text)}
        # Said first: whoever goes on after a crash in between reloads.
        self.told = self.told and not wrong
        self.say()
        for path, text in wrong.items():
            _write(path, text)
        self.stale = False
        if not self.told:
            self._reload(now)
            self.say()

    def _reload(self, now: float) -> None:
        done = subprocess.run(self.config["reload"], capture_output=True, text=True, check=False)
        self.told = done.returncode == 0
        self.earliest = now + (RELOADS if self.told else RETRY)
        if not self.told:
            _log(f"nginx was not reloaded: {done.stderr.strip() or done.stdout.strip()}")

    def say(self) -> None:
        """Write the status, for people and for the next run."""
        pools: dict[str, dict[str, t.Any]] = {name: {} for name in self.monitor.pools}
        for name, known in pools.items():
            out = self.monitor.out(name)
            for server in self.monitor.pools[name].servers:
                health = self.monitor.health[name, server.key]
                known[server.key] = {
                    "ok": health.ok,
                    "out": server.key in out,
                    "since": health.since,
                    "reason": health.reason,
                }
        status = {"generation": self.config["generation"], "told": self.told, "pools": pools}
        _write(self.config["status"], json.dumps(status, indent=1) + "\n")


def _log(text: str) -> None:
    print(text, flush=True)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _write(path: str, text: str) -> None:
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)


def start(config: Config) -> tuple[int, int, int]:
    """Start the child; returns its process id, what it is heard by, and the leash that ends it when it is closed.

    A signal would need a capability, for the child is another user's.
    """
    ears, mouth = os.pipe()
    collar, leash = os.pipe()
    child = os.fork()
    if child:
        os.close(mouth)
        os.close(collar)
        return child, ears, leash
    status = 1
    try:
        os.close(ears)
        os.close(leash)
        signal.set_wakeup_fd(-1)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        with os.fdopen(mouth, "wb") as out:
            probe(config, out, collar)
        status = 0
    finally:
        os._exit(status)


def main(path: str) -> int:
    # First of all: what is read from here on is no older than the signal.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    config = load(path)
    keeper = Keeper(config)
    keeper.say()
    _log(f"checking {sum(len(pool['servers']) for pool in config['pools'])} servers, generation {config['generation']}")
    child, ears, leash = start(config)
    said = b""
    while True:
        keeper.settle(time.time())
        ready, _writable, _special = select.select([ears, woken], [], [], keeper.patience(time.time()))
        if woken in ready:
            os.read(woken, BODY)
            if _readable(path):
                os.close(leash)
                os.waitpid(child, 0)
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                os.execv(sys.executable, sys.orig_argv)
        if ears in ready:
            part = os.read(ears, BODY)
            if not part:
                _log("the process that asks the servers has ended")
                return 1
            *lines, said = (said + part).split(b"\n")
            for line in lines:
                keeper.hear(line, time.time())


def _readable(path: str) -> bool:
    try:
        load(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log(f"{path} is not what it should be, going on with what it was: {error!r}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
