#!/bin/sh
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by mixed_lb.stack, role keepalived. Changes made here are lost.
# Before keepalived starts, takes away its own services as a killed one or somebody else left them: it would keep their
# scheduler and all their destinations, dead ones too. Services at other addresses stay, and so does what they know.
set -eu

lines=$(awk '
    /^virtual_server fwmark / { mark = $3; place = "" }
    /^virtual_server [^f]/ { place = ($2 ~ /:/ ? "[" $2 "]" : $2) ":" $3 }
    place != "" && $1 == "protocol" {
        print "-D", ($2 == "UDP" ? "-u" : $2 == "SCTP" ? "--sctp-service" : "-t"), place
        place = ""
    }
    mark != "" && $1 == "ip_family" {
        print "-D -f", mark ($2 == "inet6" ? " -6" : "")
        mark = ""
    }
' "${MIXED_LB_SCOPES:-/etc/keepalived/mixed_lb}"/*.conf)
[ -z "$lines" ] || echo "$lines" | ipvsadm -R 2>/dev/null || true
