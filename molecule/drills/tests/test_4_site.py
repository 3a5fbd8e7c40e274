# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml is disturbed while it brings the stack to another description, and run again: that one ends as a clean run does."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest
from frame import PROJECT
from load import DIRECTOR, NOTHING, PROXY, Load, server
from whole import Whole

# What a run must have said when it is disturbed: a task begins, or has changed the first of its hosts.
BEGINS, CHANGES = r"TASK \[.*{}\]", r"TASK \[.*{}\]\n(?s:.*)changed: \["
SERVERS = "Put VIPs, tunnels and routes in place"
TASKS = {"web": SERVERS, "directors": "Configure keepalived", "edge": "Configure nginx", "dns": "Configure PowerDNS"}
# A run that has lost a host notices it by ssh.
PATIENCE = 180
SECONDS = 60
FULL = "No space left on device"


def run_until(whole: Whole, target: str, moment: str) -> subprocess.Popen[str]:
    """A run that has come so far."""
    argv = whole.site.argv("site", **whole.site.variables(target))
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
        start_new_session=True,
    )
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if re.search(moment, said):
            return process
    raise AssertionError(f"the run ended before {moment}: {said}")


def test_the_checker_of_nginx(whole: Whole, load: Load) -> None:
    """While it is dead nothing changes; systemd starts it again. The inventory's proxies have none, those of the other description do."""
    whole.run_cleanly("changed")
    holder = whole.edges.gather()
    with load.under(f"kill -9 of the checker on {holder}", NOTHING) as outlast:
        whole.lab.run(holder, "systemctl kill --signal=KILL mixed-lb-checker-edge")
        outlast()


@pytest.mark.parametrize("moment", [BEGINS, CHANGES], ids=["begins", "changes"])
@pytest.mark.parametrize("tier", TASKS)
def test_a_run_that_is_killed(whole: Whole, load: Load, tier: str, moment: str) -> None:
    target = whole.prepare_change()
    what = (
        f"site.yml killed when {TASKS[tier]!r} {'begins' if moment is BEGINS else 'has changed a host'}, and run again"
    )
    with load.under(what, NOTHING, seconds=SECONDS):
        process = run_until(whole, target, moment.format(TASKS[tier]))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        whole.run_cleanly(target)
    whole.check_by_site()


POWER_CUTS = {"web": server(0.5), "directors": DIRECTOR, "edge": PROXY, "dns": NOTHING}


@pytest.mark.parametrize("tier", POWER_CUTS)
def test_a_host_that_dies_in_the_middle_of_its_role(whole: Whole, load: Load, tier: str) -> None:
    """The run ends; on the host nothing is left half-done that the next run would not see."""
    target = whole.prepare_change()
    pair = {"directors": whole.directors, "edge": whole.edges}.get(tier)
    host = pair.gather() if pair else {"web": "web3", "dns": "dns1"}[tier]
    bound = POWER_CUTS[tier]
    try:
        with load.under(f"power cut of {host} during {TASKS[tier]!r}, and run again", bound, seconds=SECONDS):
            process = run_until(whole, target, BEGINS.format(TASKS[tier]))
            whole.lab.power_cut([host])
            said, _err = process.communicate(timeout=PATIENCE)
            assert process.returncode != 0, said
            whole.lab.power_on([host])
            whole.run_cleanly(target)
    finally:
        whole.lab.power_on([host])
    whole.check_by_site()


def fill(whole: Whole, host: str, left: int) -> None:
    """Take all of the disk, also what is kept for root, but for so many blocks."""
    take = "for size in 1G 100M 10M 1M 100K 4K; do while fallocate -l $size /var/full/$((n += 1)) 2>/dev/null; do :; done; done"
    whole.lab.run(
        host, f"mkdir -p /var/full; sync; {take}; ls -t /var/full | head -{left} | (cd /var/full; xargs -r rm)"
    )


@pytest.mark.parametrize("left", [0, 4], ids=["full", "four blocks left"])
def test_a_full_disk_on_a_director(whole: Whole, load: Load, left: int) -> None:
    """The run fails and says why; the director serves on as before, and is brought to the target when there is room."""
    target = whole.prepare_change()
    host = whole.directors.gather()
    what = f"the disk of {host} is full{f' but for {left} blocks' if left else ''} while site.yml runs"
    try:
        with load.under(what, NOTHING, seconds=SECONDS):
            before = whole.look()[host]
            fill(whole, host, left)
            # what Ansible itself puts on a host has to have a place, or nothing of the role would run
            done = whole.site.run("site", "-e", "ansible_remote_tmp=/run/ansible", **whole.site.variables(target))
            said = done.stdout + done.stderr
            assert done.returncode != 0 and FULL in said and "Traceback" not in said, said
            assert left or whole.look()[host] == before
            whole.lab.run(host, "rm -r /var/full")
            whole.run_cleanly(target)
    finally:
        whole.lab.run(host, "rm -rf /var/full")
    whole.check_by_site()
