# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx itself, 1.22 and 1.26, reads all that the role can say; it does not run it."""

from __future__ import annotations

import pytest
from edge import Edge
from grammar import PLACE, defaults, full, read_by

# isort: split
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.nginx.files import nginx_files  # the path is grammar's


@pytest.mark.once
@pytest.mark.stage("first")
def test_about_everything(edge: Edge) -> None:
    version = edge.run("dpkg-query -W -f '${Version}' nginx")
    made = nginx_files({**defaults("nginx_lb"), "name": "full", **full("nginx")}, version)
    files = {
        each["path"]: each["content"].replace("/etc/nginx/mixed_lb", f"{PLACE}/etc/nginx/mixed_lb")
        for each in [*made["files"], *made["secret_files"]]
    }
    # what it includes besides is the package's
    said = read_by(
        edge.lab, edge.name, files, "ln -s /etc/nginx/mime.types etc/nginx/; nginx -t -c $PWD/etc/nginx/nginx.conf"
    )
    assert "test is successful" in said and "[warn]" not in said, said
