# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server behind a proxy, for light hosts, with the service that tells the proxy of it.

``python3 mail.py NAME PASSWORD KEY`` serves IMAP on port 143, POP3 on 110 and SMTP on 25, in as few words as curl needs;
each says who serves whom. The HTTP service on 8025 sends every user with the password here, if the request has the key
in its header X-Key. It says ``ready`` on standard output.
"""

from __future__ import annotations

import asyncio
import sys
import typing as t

PORTS = {"imap": 143, "pop3": 110, "smtp": 25}
AUTH = 8025


async def line(reader: asyncio.StreamReader) -> str:
    """The next line; raises ``EOFError`` at the end."""
    return (await reader.readuntil(b"\n")).decode().strip()


def say(writer: asyncio.StreamWriter, *lines: str) -> None:
    writer.write("".join(f"{each}\r\n" for each in lines).encode())


async def imap(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One mailbox, named by the server and its user."""
    user = ""
    say(writer, "* OK ready")
    while True:
        tag, command, *_words = (await line(reader)).split()
        if command.upper() == "LOGIN":
            # user and password come as literals, each of which is asked for
            say(writer, "+ go on")
            user = (await line(reader)).split()[0]
            say(writer, "+ go on")
            await line(reader)
        elif command.upper() == "LIST":
            say(writer, f'* LIST () "/" "{name} serves {user}"')
        say(writer, f"{tag} OK done")


async def pop3(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One message, with the names of the server and its user."""
    user = ""
    say(writer, "+OK ready")
    while True:
        command, *words = (await line(reader)).split()
        if command.upper() == "USER":
            user = words[0]
        say(writer, "+OK")
        if command.upper() == "RETR":
            say(writer, f"{name} serves {user}", ".")


async def smtp(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes every message, and says whose it is and where it came from, as the proxy told."""
    told: dict[str, str] = {}
    say(writer, f"220 {name}")
    while True:
        command, *words = (await line(reader)).split()
        if command.upper() == "XCLIENT":
            told = dict(word.split("=", 1) for word in words)
            say(writer, f"220 {name}")
        elif command.upper() == "DATA":
            say(writer, "354 go on")
            while await line(reader) != ".":
                pass
            say(writer, f"250 {name} serves {told.get('LOGIN')} at {told.get('ADDR')}")
        else:
            say(writer, f"250 {name}")


async def auth(password: str, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Which server a user belongs to: this one, if all is right."""
    await line(reader)
    headers: dict[str, str] = {}
    while header := await line(reader):
        found, _colon, value = header.partition(": ")
        headers[found.lower()] = value
    if (headers.get("auth-pass"), headers.get("x-key")) == (password, key):
        address, port = writer.get_extra_info("sockname")[0], PORTS[headers["auth-protocol"]]
        answer = ["Auth-Status: OK", f"Auth-Server: {address}", f"Auth-Port: {port}"]
    else:
        answer = ["Auth-Status: Invalid login or password"]
    say(writer, "HTTP/1.0 200 OK", *answer, "")


def until_it_ends(serve: t.Callable[..., t.Coroutine[t.Any, t.Any, None]], *words: str) -> t.Callable[..., t.Any]:
    """What a listener does with a connection."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(*words, reader, writer)
        except (EOFError, OSError):
            pass
        finally:
            writer.close()

    return connected


async def main(name: str, password: str, key: str) -> None:
    for serve in (imap, pop3, smtp):
        await asyncio.start_server(until_it_ends(serve, name), "0.0.0.0", PORTS[serve.__name__])
    await asyncio.start_server(until_it_ends(auth, password, key), "0.0.0.0", AUTH)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
