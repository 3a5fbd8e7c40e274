# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of tiers. A new kind is a file here with a subclass of ``Tier``, and its line in ``KINDS``."""

from __future__ import annotations

from ..model import Tier
from .dns import Dns
from .external import External
from .haproxy import Haproxy
from .lvs import Lvs
from .nginx import Nginx
from .redirect import Redirect
from .servers import Servers
from .storage import Storage

KINDS: dict[str, type[Tier]] = {
    kind.KIND: kind for kind in (Dns, Redirect, Nginx, Haproxy, Lvs, Servers, External, Storage)
}
