# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for ansible-test's get-pip script: puts pip where it belongs, from the wheel that lies beside it.

ansible-test runs a copy of this in each of its environments, with GET_PIP set to the copy's path. Unpacking is all
that installing a pure wheel takes, and much quicker than having pip do it.
"""

from __future__ import annotations

import os
import sysconfig
import zipfile
from pathlib import Path

script = Path(os.environ["GET_PIP"])
version = script.stem.removeprefix("get_pip_").replace("_", ".")
with zipfile.ZipFile(script.with_name(f"pip-{version}-py3-none-any.whl")) as wheel:
    wheel.extractall(sysconfig.get_path("purelib"))
