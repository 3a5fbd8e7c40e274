# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files through which a scope's kernel settings come back at boot. Pure."""

from __future__ import annotations

from .model import Settings, in_order

FOLDER = "/var/lib/mixed_lb/kernel"


def record_path(scope: str) -> str:
    return f"{FOLDER}/{scope}.json"


def files(scope: str, wanted: Settings) -> dict[str, str | None]:
    """Path to text of every file of the scope; ``None`` where there is nothing to say and so no file."""
    sysctls = [
        f"{'-' if key in wanted.optional else ''}{_shown(key)} = {wanted.sysctls[key]}"
        for key in in_order(wanted.sysctls)
    ]
    options = [
        f"options {module} " + " ".join(f"{p}={_quoted(v)}" for (m, p), v in wanted.parameters.items() if m == module)
        for module in dict.fromkeys(module for module, _parameter in wanted.parameters)
    ]
    return {
        f"/etc/sysctl.d/70-mixed-lb-{scope}.conf": _text(scope, sysctls),
        f"/etc/modules-load.d/mixed-lb-{scope}.conf": _text(scope, list(wanted.modules)),
        f"/etc/modprobe.d/mixed-lb-{scope}.conf": _text(scope, options),
    }


def _text(scope: str, lines: list[str]) -> str | None:
    header = f"# Managed by Ansible (mixed_lb.stack.kernel_settings, scope {scope}); changes made here are lost."
    return "\n".join([header, *lines, ""]) if lines else None


def _shown(key: str) -> str:
    # Only the path form can name an interface with a dot in it.
    return key if "." in key else key.replace("/", ".")


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value or not value else value
