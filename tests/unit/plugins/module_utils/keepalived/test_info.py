# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``keepalived_info`` on what real daemons wrote: ``fixtures`` hold ``/tmp/keepalived.json`` of Debian 12 and 13."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.mixed_lb.stack.plugins.module_utils.keepalived import app, parse
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles

FIXTURES = Path(__file__).parent / "fixtures"
FILE = "/proc/7/root/tmp/keepalived.json"


@pytest.mark.parametrize(
    ("fixture", "state", "held"), [("bookworm-backup", "backup", False), ("trixie-master", "master", True)]
)
def test_what_real_daemons_say(fixture: str, state: str, held: bool) -> None:
    four, six = parse.instances((FIXTURES / f"{fixture}.json").read_text())
    assert [four["name"], six["name"]] == ["app4", "app6"]
    assert four["state"] == four["wanted_state"] == state
    assert four["addresses"] == [{"address": "192.0.2.100", "held": held}]
    assert six["addresses"][0]["address"] == "2001:db8:0:2::100"
    assert not four["preempt"] and four["advert_interval"] == 0.2 and four["virtual_router_id"] == 51


class Daemon:
    """Writes its answer in pieces, one a look; ``kill`` alone makes it begin."""

    def __init__(self, *pieces: str) -> None:
        self.files = MemoryFiles({app.PID_FILE: "7\n", "/proc/7/comm": "keepalived\n", FILE: "[]"})
        self.pieces = list(pieces)

    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        if argv[0] == "kill":
            assert argv[1:] == ["-s", "36", "7"]
            self.sleep(0)
            return Result(0, "", "")
        return Result(0, "36\n", "")

    def sleep(self, _seconds: float) -> None:
        if self.pieces:
            self.files.content[FILE] = self.files.content.get(FILE, "") + self.pieces.pop(0)

    def info(self) -> dict[str, t.Any]:
        return app.info(self, self.files, 1, self.sleep)


def test_an_old_answer_and_half_an_answer_do_not_count() -> None:
    text = (FIXTURES / "trixie-master.json").read_text()
    found = Daemon(text[:100], text[100:500], text[500:]).info()
    assert found["running"] and len(found["instances"]) == 2


def test_a_silent_daemon_is_an_error() -> None:
    with pytest.raises(app.InfoProblem, match="within 1 s: it wrote nothing"):
        Daemon().info()
    with pytest.raises(app.InfoProblem, match="cannot be read"):
        Daemon('[{"data": {}, "stats": {}}]').info()


def test_no_daemon_is_no_error() -> None:
    stale = Daemon()
    stale.files.content["/proc/7/comm"] = "cron\n"
    assert stale.info() == {"running": False, "instances": []}
