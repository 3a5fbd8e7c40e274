# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``mixed_lb_dns.py``, which the role lays down on its hosts."""

from __future__ import annotations

import importlib.util
import json
import socket
import threading
import types
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[5] / "roles" / "dns_lb" / "files" / "mixed_lb_dns.py"
NAME = b"\3www\4shop\7example\0"


@pytest.fixture
def tool(tmp_path: Path) -> types.ModuleType:
    """The program, with folders of its own and a scope of two names that share a target."""
    spec = importlib.util.spec_from_file_location("mixed_lb_dns", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "run" / "cold").mkdir(parents=True)
    names = {
        "wait": 0,
        "zones": [{"name": "shop.example", "digest": "d1", "signed": False}],
        "plain": [["shop.example", "SOA"]],
        "balanced": [
            {"key": "a:A", "name": "a", "type": "A", "targets": ["1", "2"]},
            {"key": "b:A", "name": "b", "type": "A", "targets": ["2", "3"]},
            {"key": "c:A", "name": "c", "type": "A", "targets": []},
        ],
    }
    (tmp_path / "www.names").write_text(json.dumps(names))
    vars(module).update(FOLDER=str(tmp_path), RUN=str(tmp_path / "run"))
    return module


def answers(tool: types.ModuleType, code: int, records: list[tuple[int, bytes]]) -> None:
    vars(tool).update(ask=lambda *_question, **_options: tool.Answer(code, records))


def flags(tool: types.ModuleType) -> list[str]:
    return sorted(path.name for path in Path(tool.RUN, "cold").iterdir())


def record(kind: int, data: bytes) -> bytes:
    return b"\xc0\x0c" + kind.to_bytes(2) + b"\0\1\0\0\0\5" + len(data).to_bytes(2) + data


def reply(ident: bytes, code: int, *records: bytes) -> bytes:
    head = ident + bytes([0x84, code]) + b"\0\1" + len(records).to_bytes(2) + b"\0\0\0\0"
    return head + NAME + b"\0\1\0\1" + b"".join(records)


def test_replies_are_read(tool: types.ModuleType) -> None:
    found = tool.parse(reply(b"id", 0, record(1, b"\xc0\0\2\1"), record(16, b"\2hi")))
    assert found == (0, [(1, b"\xc0\0\2\1"), (16, b"\2hi")])
    assert tool.parse(reply(b"id", 2)) == (2, [])


def test_a_question_is_asked_and_strangers_are_not_believed(tool: types.ModuleType) -> None:
    asked: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def serve() -> None:
            query, client = server.recvfrom(4096)
            asked.append(query)
            server.sendto(reply(bytes([query[0] ^ 1, query[1]]), 3), client)
            server.sendto(reply(query[:2], 0, record(1, b"\x7f\0\0\1")), client)

        thread = threading.Thread(target=serve)
        thread.start()
        found = tool.ask("127.0.0.1", server.getsockname()[1], "www.shop.example", "A")
        thread.join()
    assert found == (0, [(1, b"\x7f\0\0\1")])
    assert asked[0][2:] == b"\0\0\0\1\0\0\0\0\0\1" + NAME + b"\0\1\0\1" + b"\0\0\x29\x10\0\0\0\x80\0\0\0"


def test_names_are_flagged_until_all_their_checks_have_run(tool: types.ModuleType) -> None:
    tool.cold()
    assert flags(tool) == ["a:A", "b:A"]
    answers(tool, 0, [])
    assert tool.warm("127.0.0.1", 53) == []
    assert flags(tool) == []
    tool.cold()
    assert flags(tool) == []
    Path(tool.RUN, "checked.json").write_text('["1", "2"]')
    tool.cold()
    assert flags(tool) == ["b:A"]


def test_warming_up_waits_only_for_what_was_never_checked(
    tool: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(tool.time, "sleep", waits.append)
    answers(tool, 2, [])
    tool.warm("127.0.0.1", 53)
    tool.warm("127.0.0.1", 53)
    assert waits == [0]


def test_a_zone_is_served_when_its_mark_says_so(tool: types.ModuleType) -> None:
    answers(tool, 0, [(16, b"\2d1")])
    assert tool.main(["probe", "127.0.0.1", "53", "www"]) == 0
    answers(tool, 0, [(16, b"\2d0")])
    assert tool.zone_faults("127.0.0.1", 53, tool.read()) == ["shop.example: served is ['d0'], wanted d1"]
    assert tool.main(["probe", "127.0.0.1", "53", "www"]) == 1


def test_keys_without_signatures_are_a_fault(tool: types.ModuleType) -> None:
    scopes = tool.read()
    scopes[0]["zones"][0]["signed"] = True
    answers(tool, 0, [(16, b"\2d1")])
    assert "not signed" in tool.zone_faults("127.0.0.1", 53, scopes)[0]
    answers(tool, 0, [(16, b"\2d1"), (46, b"")])
    assert tool.zone_faults("127.0.0.1", 53, scopes) == []


@pytest.mark.parametrize(("code", "records", "faults"), [(0, [(6, b"")], 0), (2, [], 1), (0, [], 1)])
def test_plain_records_have_to_be_answered(
    tool: types.ModuleType, code: int, records: list[tuple[int, bytes]], faults: int
) -> None:
    answers(tool, code, records)
    assert len(tool.record_faults("127.0.0.1", 53, tool.read())) == faults


def test_broken_lua_is_found_in_the_log_and_our_own_refusals_are_none(tool: types.ModuleType) -> None:
    broken = "Lua record (x|A) reported: [string]:1: '}' expected"
    log = f"{broken}\nLua record (y|A) reported: answer.lua:1: mixed_lb: y is not checked yet\nUDP server bound\n"
    assert tool.complaints(log) == [broken]
    assert tool.complaints("a\nb\n") == []
    assert tool.complaints("a\nb\n", all_of_it=True) == ["a", "b"]


def test_what_it_does_not_know_and_cannot_read_is_an_error(
    tool: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main(["chek"]) == 1
    vars(tool).update(FOLDER="/nowhere")
    assert tool.main(["cold"]) == 1
    assert "/nowhere" in capsys.readouterr().err


def test_the_types_that_zones_may_have_can_be_asked_for(tool: types.ModuleType) -> None:
    from ansible_collections.mixed_lb.stack.plugins.plugin_utils.dns import zones

    assert set(zones.TYPES) - {"LUA"} <= set(tool.TYPES)
