# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of operations, run as users run them, and what the kernels say afterwards."""

from __future__ import annotations

import json

from waiting import until

from lab.cluster import Lab
from playbooks import Playbooks

DIRECTORS = ("lb1", "lb2")
RIPS = {"web1": ("192.0.2.21", "2001:db8:0:2::21"), "web2": ("192.0.2.22", "2001:db8:0:2::22")}
NOTE = "/etc/mixed_lb/drained.json"


class Operations(Playbooks):
    """Over the pair of lvs_ha."""

    def __init__(self, lab: Lab) -> None:
        super().__init__("inventories/lvs_ha")
        self.lab = lab

    def weights(self, director: str) -> dict[str, set[int]]:
        """The weights of each real server over all virtual services."""
        found: dict[str, set[int]] = {name: set() for name in RIPS}
        for line in self.lab.run(director, "ipvsadm -Sn").splitlines():
            words = line.split()
            for name, rips in RIPS.items():
                if words[0] == "-a" and any(rip in words[words.index("-r") + 1] for rip in rips):
                    found[name].add(int(words[words.index("-w") + 1]))
        return found

    def have(self, **weights: int) -> None:
        """Both directors give these weights, or will in a moment."""
        for director in DIRECTORS:
            until(
                lambda director=director: self.weights(director),
                {name: {weight} for name, weight in weights.items()},
                f"the weights on {director}",
            )

    def drained(self) -> list[str]:
        """Who is drained on any director."""
        texts = [self.lab.run(director, f"test ! -e {NOTE} || cat {NOTE}") for director in DIRECTORS]
        return sorted({name for text in texts if text for name in json.loads(text)})
