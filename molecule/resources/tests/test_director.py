# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tier sets of the director's IPVS beside its table."""

from __future__ import annotations

import pytest
from described import Described

from lab.cluster import Lab

KERNEL_BITS = 12


@pytest.mark.modes("nat")
@pytest.mark.stage("second")
def test_timeouts_are_in_force(lab: Lab, stack: Described) -> None:
    """Now, and without Ansible after a reboot."""
    wanted = " ".join(str(stack.front["timeouts"][name]) for name in ("tcp", "tcpfin", "udp"))
    assert lab.run("lb1", "ipvsadm -Ln --timeout").strip().endswith(f": {wanted}")


@pytest.mark.modes("nat")
@pytest.mark.stage("second")
def test_connection_table_has_its_size_from_the_next_load_on(lab: Lab, stack: Described) -> None:
    """ip_vs takes its size when it is loaded; the director was rebooted since the size was written, or was not."""
    written = int(lab.run("lb1", "stat -c %Y /etc/modprobe.d/mixed-lb-app.conf"))
    booted = int(lab.run("lb1", "sed -n 's/^btime //p' /proc/stat"))
    bits = stack.front["conn_tab_bits"] if booted > written else KERNEL_BITS
    assert f"(size={2**bits})" in lab.run("lb1", "ipvsadm -Ln").splitlines()[0]
