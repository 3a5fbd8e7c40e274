# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml is disturbed while it brings the stack to another description, and run again: that one ends as a clean run does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

from frame import PROJECT
from load import DIRECTOR, NOTHING, PROXY, Load, server
from whole import Whole

# What a run must have said when it is disturbed: a task begins, or has changed the first of its hosts.
BEGINS, CHANGES = r"TASK \[.*{}\]", r"TASK \[.*{}\](?s:.*)changed: \["
SERVERS = "Put VIPs, tunnels and routes in place"
TASKS = {"web": SERVERS, "directors": "Configure keepalived", "edge": "Configure nginx", "dns": "Configure PowerDNS"}
# For a run that is slow, or has lost a host and notices it by ssh.
PATIENCE = 300
PAUSE = 0.1
SECONDS = 60
# The second is how Python says it of the place for temporary files.
FULL = "No space left on device|No usable temporary directory"


class Run:
    """A run of site.yml, ended with its block at the latest. It writes to a file: ssh outlives it, and would keep a pipe open."""

    def __init__(self, whole: Whole, target: str) -> None:
        self._log = whole.lab.folder / "run.log"
        with self._log.open("w") as out:
            self._process = subprocess.Popen(
                whole.site.argv("site", **whole.site.variables(target)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=PROJECT,
                env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
                start_new_session=True,
            )

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *problem: object) -> None:
        """It does not go on behind the back of the next test."""
        if self._process.poll() is None:
            self.kill()

    def reaches(self, moment: str) -> None:
        """Wait until it has said so."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(moment, self._log.read_text()):
            alive = self._process.poll() is None and time.monotonic() < deadline
            assert alive, f"the run did not come to {moment}: {self._log.read_text()}"
            time.sleep(PAUSE)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def fails(self) -> None:
        """It ends by itself."""
        assert self._process.wait(PATIENCE) != 0, self._log.read_text()


def test_the_checker_of_nginx(whole: Whole, load: Load) -> None:
    """While it is dead nothing changes; systemd starts it again. The inventory's proxies have none, those of the other description do."""
    whole.run_cleanly("changed")
    holder = whole.edges.gather()
    with load.under(f"kill -9 of the checker on {holder}", NOTHING) as outlast:
        whole.lab.run(holder, "systemctl kill --signal=KILL mixed-lb-checker-edge")
        outlast()


KILLS = {"web": BEGINS, "directors": CHANGES, "edge": BEGINS, "dns": CHANGES}


def test_a_run_that_is_killed_again_and_again(whole: Whole, load: Load) -> None:
    """Each run gets one tier further; the last one is left alone."""
    target = whole.prepare_change()
    for tier, moment in KILLS.items():
        how = "begins" if moment is BEGINS else "has changed the first host"
        when = f"site.yml killed when {TASKS[tier]!r} {how}"
        with load.under(when, NOTHING, seconds=SECONDS), Run(whole, target) as run:
            run.reaches(moment.format(TASKS[tier]))
            run.kill()
    with load.under("site.yml run again after that", NOTHING, seconds=SECONDS):
        whole.run_cleanly(target)


POWER_CUTS = {"web": server(0.5), "directors": DIRECTOR, "edge": PROXY, "dns": NOTHING}


def test_hosts_that_die_in_the_middle_of_their_roles(whole: Whole, load: Load) -> None:
    """The run ends; on the host nothing is left half-done that the next run would not see."""
    target = whole.prepare_change()
    for tier, bound in POWER_CUTS.items():
        pair = {"directors": whole.directors, "edge": whole.edges}.get(tier)
        host = pair.gather() if pair else {"web": "web3", "dns": "dns1"}[tier]
        try:
            with load.under(f"power cut of {host} in the middle of {TASKS[tier]!r}", bound, seconds=SECONDS):
                with Run(whole, target) as run:
                    run.reaches(BEGINS.format(TASKS[tier]))
                    whole.lab.power_cut([host])
                    run.fails()
                whole.lab.power_on([host])
        finally:
            whole.lab.power_on([host])
    with load.under("site.yml run again after that", NOTHING, seconds=SECONDS):
        whole.run_cleanly(target)


def fill(whole: Whole, host: str, left: int) -> None:
    """Take all of the disk, also what is kept for root, but for so many blocks."""
    take = (
        "for size in 1G 100M 10M 1M 100K 4K; do"
        " while fallocate -l $size /var/full/$((n += 1)) 2>/dev/null; do :; done; rm -f /var/full/$n; done"
    )
    give = f"ls -t /var/full | head -{left} | (cd /var/full; xargs -r rm)"
    whole.lab.run(host, f"mkdir -p /var/full; sync; {take}; {give}")


def test_a_full_disk_on_a_director(whole: Whole, load: Load) -> None:
    """Runs fail and say why; the director serves on as before, and is brought to the target when there is room."""
    target = whole.prepare_change()
    host = whole.directors.gather()
    before = whole.look()[host]
    try:
        for left in (0, 2):
            room = f"full but for {left} blocks" if left else "full"
            with load.under(f"the disk of {host} is {room} while site.yml runs", NOTHING, seconds=SECONDS):
                fill(whole, host, left)
                # what Ansible itself puts on a host has to have a place, or nothing of the role would run
                run = whole.site.start("site", "-e", "ansible_remote_tmp=/run/ansible", **whole.site.variables(target))
                failed = run.ends() != 0
                whole.lab.run(host, "rm -r /var/full")
            assert failed and re.search(FULL, run.said) and "Traceback" not in run.said, run.said
            assert left or whole.look()[host] == before
    finally:
        whole.lab.run(host, "rm -rf /var/full")
    with load.under("site.yml run again after that", NOTHING, seconds=SECONDS):
        whole.run_cleanly(target)


def test_in_the_end_there_is_nothing_to_do(whole: Whole) -> None:
    whole.check_by_site()
