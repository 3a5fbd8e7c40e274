#!/usr/bin/env bash
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the kernel $LAB_KERNEL, with $LAB_LIBRARY where it is not empty, under this script's own name. To
# reboot, user-mode Linux executes its own name again, with its taps still open, and then finds them busy; by way of this
# script it starts with none.
for fd in /proc/self/fd/*; do
    number=${fd##*/}
    if ((number > 2 && number != 255)); then exec {number}>&-; fi
done
export LD_PRELOAD=$LAB_LIBRARY
exec -a "$0" "$LAB_KERNEL" "$@"
