# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights that destinations had before they were drained, kept on the host between two tasks."""

from __future__ import annotations

import json
import typing as t

from ..system.files import FileStore
from .model import DestinationKey, ServiceKey, endpoint
from .runner import IpvsError

PATH = "/var/lib/mixed_lb/ipvs/weights.json"


class Weights:
    """``get`` what ``remember`` kept until ``forget`` or ``forget_others``; the file goes with its last entry."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    def get(self, service: ServiceKey, destination: DestinationKey) -> int | None:
        return self._load().get(_name(service, destination))

    def remember(self, service: ServiceKey, destination: DestinationKey, weight: int) -> None:
        self._save({**self._load(), _name(service, destination): weight})

    def forget(self, service: ServiceKey, destination: DestinationKey) -> None:
        known = self._load()
        if known.pop(_name(service, destination), None) is not None:
            self._save(known)

    def forget_others(self, drained: t.Iterable[tuple[ServiceKey, DestinationKey]]) -> None:
        """Forget all but these."""
        known = self._load()
        if known:
            names = {_name(service, destination) for service, destination in drained}
            kept = {name: weight for name, weight in known.items() if name in names}
            if kept != known:
                self._save(kept)

    def _load(self) -> dict[str, int]:
        text = self._files.read(PATH)
        if not text:
            return {}
        try:
            return {str(name): int(weight) for name, weight in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise IpvsError(f"{PATH} is damaged ({error}): delete it, and give the weight in the next task") from error

    def _save(self, known: dict[str, int]) -> None:
        if known:
            self._files.write(PATH, json.dumps(known, indent=2, sort_keys=True) + "\n")
        else:
            self._files.remove(PATH)


def _name(service: ServiceKey, destination: DestinationKey) -> str:
    return f"{service} -> {endpoint(*destination)}"
