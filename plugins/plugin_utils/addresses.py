# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as daemons write them."""

from __future__ import annotations


def before_port(host: str) -> str:
    """An address or name as it stands before a colon and a port: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
