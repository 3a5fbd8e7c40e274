#!/bin/sh
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by mixed_lb.stack, role keepalived. Changes made here are lost.
# run_as USER[:GROUP] PROGRAM [WORD...]: becomes that user, and then is that program.
set -eu

user=${1%%:*}
group=${1#"$user"}
group=${group#:}
shift
exec setpriv --reuid="$user" --regid="${group:-$(id -g "$user")}" --init-groups -- "$@"
