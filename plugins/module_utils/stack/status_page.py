# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's status page, which the role ``nginx_lb`` puts on an address of the loopback."""

from __future__ import annotations

import http.client


def fetch(address: str, timeout: float) -> str:
    """The page at ``HOST:PORT``. Raises ``OSError`` where nobody answers or something else does."""
    connection = http.client.HTTPConnection(address, timeout=timeout)
    try:
        # all scopes share the address and show the same numbers: the name need not be that of one
        connection.request("GET", "/status")
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"nginx's status page at {address} answers {answer.status} {answer.reason}")
        return answer.read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP at {address}: {type(error).__name__}") from error
    finally:
        connection.close()
