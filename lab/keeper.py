# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Process 1 of a lab's own namespaces: while it lives the lab lives, and when it dies everything in the lab is gone.

Started as ``python3 keeper.py LAB_FOLDER``; the folder on its command line is how the lab finds it again.
"""

from __future__ import annotations

import signal

# Adopted orphans are reaped by the kernel.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    signal.pause()
