# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role asks nginx after a reload, as Ansible makes it of the role's own words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.core
ROLE = Path(__file__).resolve().parents[5] / "roles" / "nginx_lb"


def test_the_request_ends_with_an_empty_line(tmp_path: Path) -> None:
    """Else nginx would wait for more of it, and the probe would fail."""
    tasks = yaml.safe_load((ROLE / "tasks" / "main.yml").read_text())
    (send,) = (
        task["mixed_lb.stack.daemon_config"]["probes"][0]["send"] for task in tasks if task["name"] == "Configure nginx"
    )
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"nginx_lb_name": "edge"},
        "vars_files": [str(ROLE / "vars" / "main.yml")],
        "tasks": [{"ansible.builtin.debug": {"msg": send}}],
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1"}
    argv = [str(program), "-i", "localhost,", str(tmp_path / "play.yml")]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    request = json.dumps("GET /generation HTTP/1.0\r\nHost: edge.nginx-lb.invalid\r\n\r\n")
    assert f'"msg": {request}' in done.stdout
