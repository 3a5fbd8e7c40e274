# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd-networkd says of the interfaces that it manages."""

from __future__ import annotations

from .files import FileStore


def network_file(index: int, files: FileStore) -> str | None:
    """The .network file that it uses for the interface of this number; ``None`` where it does not manage it."""
    text = files.read(f"/run/systemd/netif/links/{index}") or ""
    return next((line.partition("=")[2] for line in text.splitlines() if line.startswith("NETWORK_FILE=/")), None)
