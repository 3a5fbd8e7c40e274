# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role by the real ansible-playbook and the real nft, in namespaces; only systemd is a stand-in."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import sys
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.tests.unit.network.namespace import ENVIRONMENT, Namespace

pytestmark = pytest.mark.plays

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[4]
# All that programs want of /etc here.
NEEDED = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "os-release")
PLAY = """
- hosts: localhost
  gather_facts: false
  roles: [mixed_lb.stack.firewall]
"""
VRRP = {"family": "ipv4", "protocol": "vrrp", "ports": [], "sources": ["192.0.2.11"], "destinations": []}
SECOND = {**VRRP, "sources": ["192.0.2.12"]}
WEB = {"family": "any", "protocol": "tcp", "ports": [80], "sources": [], "destinations": []}
FILES = ("etc/mixed_lb/firewall", "etc/systemd/system", "var/lib/mixed_lb/daemon")


class Host:
    """A host with folders of its own for what the role writes."""

    def __init__(self, top: pathlib.Path) -> None:
        self.top = top
        for folder in ("etc/systemd/system", "var/lib", "bin"):
            (top / folder).mkdir(parents=True)
        for name in NEEDED:
            shutil.copy(f"/etc/{name}", top / "etc")
        shutil.copy(HERE / "systemctl", top / "bin")
        (top / "play.yml").write_text(PLAY)
        self.space = Namespace(
            "--mount",
            environment={
                "PATH": f"{top}/bin:{ENVIRONMENT['PATH']}",
                "ANSIBLE_HOME": str(top / "home"),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections"),
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_PIPELINING": "1",
            },
        )
        for folder in ("etc", "var/lib"):
            self.space.do("mount", "--bind", str(top / folder), f"/{folder}")

    def play(self, *openings: dict[str, t.Any], check: bool = False, **more: t.Any) -> tuple[int, str]:
        """Apply the role; how many tasks changed something, and what Ansible said."""
        variables = {"firewall_name": "edge", "firewall_openings": openings, **more}
        words = ["--diff", "-e", json.dumps(variables), *(["--check"] if check else [])]
        program = pathlib.Path(sys.executable).with_name("ansible-playbook")
        more = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        done = self.space.ask(
            "run", [str(program), "-i", "localhost,", *words, "-e", json.dumps(more), f"{self.top}/play.yml"]
        )
        assert done["rc"] == 0, done["out"] + done["err"]
        return int(re.findall(r"changed=(\d+)", done["out"])[0]), done["out"]

    def both(self, *openings: dict[str, t.Any], **more: t.Any) -> int:
        """The same in check mode first, which has to say the same and to do nothing."""
        before = self.seen()
        said, words = self.play(*openings, check=True, **more)
        assert self.seen() == before
        changed, done = self.play(*openings, **more)
        assert said == changed and diffs(words) == diffs(done)
        return changed

    def seen(self) -> tuple[str, dict[str, str]]:
        """All tables, and all files."""
        some = (path for folder in FILES for path in sorted((self.top / folder).rglob("*")) if path.is_file())
        return self.space.do("nft", "--stateless", "list", "ruleset"), {str(path): path.read_text() for path in some}

    def table(self) -> list[str]:
        return re.findall(r"\t\t(.*l4proto.*)", self.seen()[0])


def diffs(said: str) -> list[str]:
    return re.findall(r"^[-+].*", said, re.MULTILINE)


@pytest.fixture
def host(tmp_path: pathlib.Path) -> t.Iterator[Host]:
    made = Host(tmp_path)
    try:
        yield made
    finally:
        made.space.end()


def test_rules_come_change_and_go(host: Host) -> None:
    nothing = host.seen()
    assert host.play(WEB)[0] == 0 and host.seen() == nothing, "nothing to close"
    assert host.play(VRRP, firewall_purge=False)[0] == 0 and host.seen() == nothing, "nothing is closed yet"
    assert host.both(VRRP, WEB) == 1
    # by number, for this host has no /etc/protocols
    assert host.table() == ["ip saddr 192.0.2.11 meta l4proto 112 accept", "meta l4proto 112 counter drop"]
    unit = "mixed-lb-firewall-edge.service"
    assert (host.top / "etc/systemd/system" / unit).is_file() and (host.top / f"var/lib/units/{unit}.enabled").is_file()
    assert host.play(VRRP, WEB)[0] == 0
    assert host.both(SECOND, firewall_purge=False) == 1
    assert host.table()[0] == "ip saddr { 192.0.2.11, 192.0.2.12 } meta l4proto 112 accept"
    assert host.play(SECOND)[0] == 1
    assert host.table()[0] == "ip saddr 192.0.2.12 meta l4proto 112 accept"
    assert host.both(SECOND, firewall_state="absent") == 1
    assert host.seen() == nothing


def test_a_table_that_somebody_took_away_or_changed_is_put_back(host: Host) -> None:
    host.play(VRRP)
    wanted = host.seen()
    for words in ("flush ruleset", "insert rule inet mixed_lb_edge input accept"):
        host.space.do("nft", words)
        assert host.both(VRRP) == 1 and host.seen() == wanted, words
