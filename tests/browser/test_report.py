# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the playbook ``report`` in a real browser: on a phone, in light and dark, without a network."""

from __future__ import annotations

import html
import json
import pathlib
import re
import subprocess
import typing as t

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHONE, DESK = 360, 1200
LIGHT, DARK = 1, 0
"""As Chromium counts colour schemes."""
LOOK = """<script>addEventListener("load", () => {
  const seen = (element, name) => getComputedStyle(element)[name];
  const label = document.querySelector("svg text");
  parent.postMessage(JSON.stringify({
    width: document.documentElement.scrollWidth, window: innerWidth,
    page: seen(document.body, "backgroundColor"), ink: seen(document.body, "color"), label: seen(label, "fill"),
    picture: document.querySelector("svg").getBoundingClientRect().width,
    bad: [...document.querySelectorAll("svg .bad title")].map(it => it.textContent),
    loaded: performance.getEntriesByType("resource").map(it => it.name),
    text: document.body.innerText,
  }), "*");
})</script>"""
# A window of Chromium's own is never as narrow as a phone.
FRAME = """<!DOCTYPE html><html style="color-scheme: light dark"><title></title>
<script>addEventListener("message", message => { document.title = message.data; })</script>
<iframe src="looked_at.html" style="border: 0; width: %dpx; height: 900px"></iframe></html>"""

ROW = {
    "address": "192.0.2.21",
    "port": 80,
    "service": "tcp 192.0.2.100:80",
    "by": "lb1",
    "tier": "app",
    "step": "app",
    "ttl": 0,
}
ROW |= {"weight": 1, "wanted_weight": 1, "state": "up", "check": "http", "active": 3, "inactive": 4, "rate": 0.5}
TIER = {
    "min_available": 1,
    "keep_weights": False,
    "probes": [],
    "state": "present",
    "mode": "",
    "backend": [],
    "vips": [],
    "members": [],
}
HOST = {
    "reached": True,
    "tiers": [],
    "drained": [],
    "maintenance": [],
    "vips": [],
    "last_transition": {},
    "units": {"keepalived.service": "active"},
}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def state() -> dict[str, t.Any]:
    """A pair of directors, one of which did not answer, and a real server that is down, with a name that wants to be more."""
    vips = [{"address": "192.0.2.100", "holders": ["lb1"]}]
    down = {**ROW, "name": "web2", "address": "192.0.2.22", "state": "down", "weight": None, "check": HOSTILE}
    app = {**TIER, "name": "app", "kind": "lvs", "mode": "dr", "backend": ["web"], "hosts": ["lb1", "lb2"]}
    return {
        "tiers": [
            {**app, "vips": vips, "members": [{**ROW, "name": "web1"}, down]},
            {**TIER, "name": "web", "kind": "servers", "hosts": ["web1", "web2"]},
        ],
        "hosts": {
            "lb1": {**HOST, "vips": ["192.0.2.100"], "last_transition": {"app4": "2026-11-24T10:00:00+00:00"}},
            "lb2": {**HOST, "reached": False, "units": {}},
            "web1": HOST,
            "web2": HOST,
        },
        "findings": [
            {"tier": "app", "host": "lb1", "text": "web2 is down", "drift": False},
            {"tier": "", "host": "lb2", "text": "was not reached", "drift": False},
        ],
    }


@pytest.fixture(scope="module")
def live(state: dict[str, t.Any], tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("live")
    (folder / "state.json").write_text(json.dumps(state))
    return _made(folder / "page.html", "tests/browser/page.yml", "-e", f"state={folder / 'state.json'}")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    page = tmp_path_factory.mktemp("described") / "page.html"
    return _made(page, "playbooks/validate.yml", "-i", "inventories/hybrid_dns_nginx_dr")


def _made(page: pathlib.Path, playbook: str, *words: str) -> pathlib.Path:
    argv = ["ansible-playbook", *words, playbook, "-e", f"lb_report={page}"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return page


def look(page: pathlib.Path, width: int, scheme: int = LIGHT) -> dict[str, t.Any]:
    """What a browser makes of it."""
    page.with_name("looked_at.html").write_text(page.read_text().replace("</body>", LOOK + "</body>"))
    frame = page.with_name("frame.html")
    frame.write_text(FRAME % width)
    argv = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--virtual-time-budget=5000",
    ]
    argv += [f"--user-data-dir={page.parent / 'profile'}", f"--blink-settings=preferredColorScheme={scheme}"]
    argv += ["--dump-dom", frame.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    found = re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert found, done.stdout[:1000]
    seen: dict[str, t.Any] = json.loads(html.unescape(found[1]))
    return seen


@pytest.mark.parametrize("name", ["live", "described"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_fits_without_scrolling_to_the_side(request: pytest.FixtureRequest, name: str, width: int) -> None:
    seen = look(request.getfixturevalue(name), width)
    assert seen["window"] == width and seen["width"] <= width and 100 < seen["picture"] < width, seen


def test_light_and_dark(live: pathlib.Path) -> None:
    """Ink and labels are dark on light, or light on dark."""

    def brightness(colour: str) -> int:
        return sum(map(int, re.findall(r"\d+", colour)[:3]))

    light, dark = look(live, DESK, LIGHT), look(live, DESK, DARK)
    for ink in ("ink", "label"):
        assert brightness(light["page"]) - brightness(light[ink]) > 400
        assert brightness(dark[ink]) - brightness(dark["page"]) > 400


@pytest.mark.parametrize("name", ["live", "described"])
def test_needs_no_network(request: pytest.FixtureRequest, name: str) -> None:
    page = request.getfixturevalue(name)
    assert look(page, DESK)["loaded"] == []
    assert set(re.findall(r"(?:https?:)?//[\w.]+", page.read_text())) <= {"http://www.w3.org"}


def test_says_what_is_wrong_first_and_shows_where(live: pathlib.Path) -> None:
    seen = look(live, DESK)
    assert seen["text"].index("2 things are wrong") < seen["text"].index("The way of a request")
    assert sorted(seen["bad"]) == ["app/lb2", "web/web2"]
    assert "not reached" in seen["text"] and "2026-11-24T10:00:00" in seen["text"]


def test_a_name_is_never_markup(live: pathlib.Path) -> None:
    assert HOSTILE not in live.read_text() and HOSTILE in look(live, DESK)["text"]


def test_a_machine_without_graphviz_is_told_what_to_install(
    live: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = live.parent / "bin"
    folder.mkdir()
    programs = subprocess.run(
        ["which", "ansible-playbook", "python3", "sh", "env"], capture_output=True, text=True, check=True
    )
    for program in map(pathlib.Path, programs.stdout.split()):
        (folder / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(AssertionError, match="apt-get install graphviz"):
        _made(live.parent / "none.html", "playbooks/validate.yml", "-i", "inventories/lvs_dr")
