# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own part: options in, results out, errors as one message."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.mixed_lb.stack.plugins.modules import kernel_settings
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.kernel.fake_kernel import FakeKernel
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import run_module


@pytest.fixture
def kernel(monkeypatch):
    fake = FakeKernel()
    monkeypatch.setattr(kernel_settings, "Host", lambda *real: fake.host)
    return fake


def run(**options):
    return run_module(kernel_settings.main, **options)


def test_the_examples_run(kernel):
    present, absent = (task["mixed_lb.stack.kernel_settings"] for task in yaml.safe_load(kernel_settings.EXAMPLES))
    for unknown_here in ("net.ipv4.conf.all.send_redirects", "net/ipv4/conf/eth0.100/send_redirects"):
        del present["sysctls"][unknown_here]
    present["modules"][1]["name"] = "ip_vs_rr"
    before = kernel.state()
    result = run(**present)
    assert result["changed"] and result["loaded"] == ["nf_conntrack", "ip_vs", "ip_vs_rr"]
    assert {"key": "net/ipv4/ip_forward", "before": "0", "after": "1"} in result["sysctls"]
    assert result["diff"][0]["before_header"] == "/etc/sysctl.d/70-mixed-lb-app.conf"
    assert "net.ipv4.vs.conntrack = 1" in result["diff"][0]["after"]
    assert not run(**present)["changed"]
    assert run(**absent, _ansible_check_mode=True)["changed"] and kernel.modules
    result = run(**absent)
    assert result["unloaded"] == ["ip_vs_rr", "ip_vs", "nf_conntrack"] and kernel.state() == before
    assert not run(**absent)["changed"]


def test_reload_is_explained(kernel):
    kernel(["modprobe", "--all", "ip_vs"])
    result = run(name="app", modules=[{"name": "ip_vs", "parameters": {"conn_tab_bits": 16}}])
    assert result["reload_needed"] == [
        {"module": "ip_vs", "parameter": "conn_tab_bits", "running": "12", "wanted": "16"}
    ]
    assert "modprobe -r ip_vs" in json.dumps(result["warnings"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "A b"}, "name: 'A b' must be"),
        ({"name": "app", "sysctls": {"net.ipv4.nonsense": 1}}, "app: this kernel has no sysctl net/ipv4/nonsense"),
        ({"name": "app", "modules": [{"name": "nonsense"}]}, "Module nonsense not found"),
    ],
)
def test_errors_are_one_message(kernel, options, message):
    result = run(**options)
    assert result["failed"] and message in result["msg"] and "Traceback" not in result["msg"]
