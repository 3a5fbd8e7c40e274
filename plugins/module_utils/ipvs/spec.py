# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specifications that the IPVS modules share; ``plugins/doc_fragments/ipvs.py`` documents them."""

from __future__ import annotations

import typing as t

from .model import CHECKSUMS, ENGINES, FAMILIES, FORWARDS, PROTOCOLS, SCHEDULERS, TUNNEL_TYPES

Spec = dict[str, t.Any]


def key() -> Spec:
    """What a service is known by."""
    return {
        "protocol": {"type": "str", "choices": list(PROTOCOLS)},
        "address": {"type": "str"},
        "port": {"type": "int"},
        "fwmark": {"type": "int"},
        "family": {"type": "str", "choices": list(FAMILIES)},
    }


def settings() -> Spec:
    """What a service is set to."""
    return {
        "scheduler": {"type": "str", "default": "wlc", "choices": list(SCHEDULERS)},
        "scheduler_flags": {"type": "list", "elements": "str", "default": []},
        "persistent": {"type": "int", "default": 0},
        "persistence_mask": {"type": "int"},
        "persistence_engine": {"type": "str", "choices": list(ENGINES)},
        "one_packet": {"type": "bool", "default": False},
        # No options here: with 10,000 destinations Ansible's check would take longer than all the rest. `wanted` checks them.
        "destinations": {"type": "list", "elements": "dict"},
    }


def destination() -> Spec:
    """A destination; what is left out has the default that the documentation names."""
    return {
        "address": {"type": "str", "required": True},
        "port": {"type": "int"},
        "forward": {"type": "str", "choices": list(FORWARDS)},
        "weight": {"type": "int"},
        "upper_threshold": {"type": "int"},
        "lower_threshold": {"type": "int"},
        "tunnel": {"type": "dict", "options": tunnel()},
    }


def tunnel() -> Spec:
    return {
        "type": {"type": "str", "default": "ipip", "choices": list(TUNNEL_TYPES)},
        "port": {"type": "int"},
        "checksum": {"type": "str", "default": "none", "choices": list(CHECKSUMS)},
    }


def change() -> Spec:
    """How the table is changed."""
    return {
        "keep_weights": {"type": "bool", "default": False},
        "rollback": {"type": "bool", "default": True},
        "drain_timeout": {"type": "float", "default": 0.0},
        **ownership(),
    }


def ownership() -> Spec:
    return {"ignore_keepalived": {"type": "bool", "default": False}}
