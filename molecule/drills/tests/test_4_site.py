# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml is disturbed while it brings the stack to another description, and run again: that one ends as a clean run does."""

from __future__ import annotations

import re

from load import DIRECTOR, NOTHING, PROXY, Load, server
from whole import Whole

from playbooks import FAILED, UNREACHABLE

SERVERS = "Put VIPs, tunnels and routes in place"
TASKS = {"web": SERVERS, "directors": "Configure keepalived", "edge": "Configure nginx", "dns": "Configure PowerDNS"}
SECONDS = 60
# The second is how Python says it of the place for temporary files.
FULL = "No space left on device|No usable temporary directory"


def test_the_checker_of_nginx(whole: Whole, load: Load) -> None:
    """While it is dead nothing changes; systemd starts it again. The inventory's proxies have none, those of the other description do."""
    whole.run_cleanly("changed")
    holder = whole.edges.gather()
    with load.under(f"kill -9 of the checker on {holder}", NOTHING) as outlast:
        whole.lab.run(holder, "systemctl kill --signal=KILL mixed-lb-checker-edge")
        outlast()


# Whether the first host has been changed by then.
KILLS = {"web": False, "directors": True, "edge": False, "dns": True}


def test_a_run_that_is_killed_again_and_again(whole: Whole, load: Load) -> None:
    """Each run gets one tier further; the last one is left alone."""
    target = whole.prepare_change()
    for tier, changed in KILLS.items():
        how = "has changed the first host" if changed else "begins"
        when = f"site.yml killed when {TASKS[tier]!r} {how}"
        with load.under(when, NOTHING, seconds=SECONDS), whole.site.towards(target) as run:
            run.reaches(TASKS[tier], changed=changed)
            run.cut_off()
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
                with whole.site.towards(target) as run:
                    run.reaches(TASKS[tier])
                    whole.lab.power_cut([host])
                    assert run.ends() in (FAILED, UNREACHABLE), run.said
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
                with whole.site.towards(target, "-e", "ansible_remote_tmp=/run/ansible") as run:
                    said = run.fails()
                whole.lab.run(host, "rm -r /var/full")
            assert re.search(FULL, said), said
            assert left or whole.look()[host] == before
    finally:
        whole.lab.run(host, "rm -rf /var/full")
    with load.under("site.yml run again after that", NOTHING, seconds=SECONDS):
        whole.run_cleanly(target)


def test_in_the_end_there_is_nothing_to_do(whole: Whole) -> None:
    whole.check_by_site()
