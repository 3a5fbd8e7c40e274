# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last step left is in the kernel: right after it, and after a reboot without Ansible."""

from __future__ import annotations

import typing as t

from testinfra.host import Host


def test_table_timeouts_and_daemon_are_there(host: Host, steps: dict[str, t.Any]) -> None:
    last = steps["everything: the whole grammar"]
    assert sorted(host.check_output(last["look"]).splitlines()) == sorted(last["shows"].splitlines())


def test_no_unit_failed(host: Host) -> None:
    assert host.check_output("systemctl list-units --failed --no-legend 'mixed-lb*' 'ipvsadm*'") == ""
