# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with one daemon: its own program refuses ``bad`` files, and it dies or keeps the old state on worse ones."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.mixed_lb.stack.plugins.module_utils.daemon.app import Host
from ansible_collections.mixed_lb.stack.plugins.module_utils.system.command import Result
from ansible_collections.mixed_lb.stack.tests.unit.plugins.module_utils.system.fakes import MemoryFiles

FOLDER = "/etc/app"


class FakeDaemon:
    """Files, systemd and the journal of it. ``running`` is what the daemon read last; None while it is stopped."""

    def __init__(
        self, files: MemoryFiles, *, active: bool = False, enabled: bool = True, installed: bool = True
    ) -> None:
        self.files = files
        self.enabled, self.installed = enabled, installed
        self.verbs: list[str] = []
        self.journal: list[str] = []
        self.running: dict[str, str] | None = self._tree() if active else None
        self.dies_at: str | None = None
        """Stands for a kill of Ansible: this verb never returns."""
        self.hangs_at: str | None = None
        """A verb that systemd does not come to the end of."""

    @property
    def host(self) -> Host:
        return Host(self, self.files, lambda program: f"/usr/sbin/{program}" if self.installed else None)

    def _tree(self, folder: str = FOLDER) -> dict[str, str]:
        found = {path: text for path, text in self.files.content.items() if path.startswith(f"{folder}/")}
        return {path.replace(folder, FOLDER, 1): text for path, text in found.items()}

    def __call__(self, argv: t.Sequence[str], stdin: str | None = None) -> Result:
        if argv[0] == "timeout":
            return Result(124, "", "") if argv[3] == self.hangs_at else self(argv[2:])
        if argv[0] == "unshare":
            return self._checked(list(argv))
        if argv[0] == "journalctl":
            entries = [{"MESSAGE": "GET / 200", "PRIORITY": "6", "_TRANSPORT": "syslog"}] * 40
            entries += [{"MESSAGE": line, "PRIORITY": "6", "_TRANSPORT": "stdout"} for line in self.journal]
            entries += [{"MESSAGE": "GET / 200", "PRIORITY": "6", "_TRANSPORT": "syslog"}] * 40
            return Result(0, "-- cursor: c" if "--show-cursor" in argv else "\n".join(map(json.dumps, entries)), "")
        if argv[0] == "ask":
            return Result(0, str((self.running or {}).get(argv[1])), "")
        assert argv[0] == "systemctl", argv
        if argv[1] == "show":
            load, active = (
                "loaded" if self.installed else "not-found",
                "active" if self.running is not None else "failed",
            )
            unit_file = "enabled" if self.enabled else "disabled"
            return Result(0, f"LoadState={load}\nActiveState={active}\nUnitFileState={unit_file}\n", "")
        return self._systemctl(argv[1])

    def _checked(self, argv: list[str]) -> Result:
        copy, folder, dashes, program = argv[argv.index("sh", 6) + 1 :][:4]
        assert (folder, dashes, program) == (FOLDER, "--", "appd"), argv
        bad = [path for path, text in self._tree(copy).items() if "bad" in text]
        return Result(1 if bad else 0, "", f"syntax error in {bad[0]}" if bad else "fine")

    def _systemctl(self, verb: str) -> Result:
        self.verbs.append(verb)
        if verb == self.dies_at:
            raise KeyboardInterrupt
        if verb == "reset-failed" and "stop" in self.verbs:
            return Result(1, "", "Failed to reset failed state of unit app.service: Unit app.service not loaded.")
        if verb in ("enable", "disable"):
            self.enabled = verb == "enable"
        if verb == "stop":
            self.running = None
        if verb in ("start", "reload", "restart"):
            texts = " ".join(self._tree().values())
            if "fatal" in texts:
                self.running = None
                self.journal.append("cannot bind")
                return Result(1, "", "Job for app.service failed.")
            if "refused" not in texts:
                self.running = self._tree()
        return Result(0, "", "")
