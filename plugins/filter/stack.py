# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that the roles work with; the logic is in ``plugin_utils``."""

from __future__ import annotations

import functools
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.dns import files as dns
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.firewall.files import firewall_files
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.haproxy.files import (
    haproxy_files,
    haproxy_main,
    haproxy_secret_files,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.files import (
    keepalived_main,
    keepalived_scope,
    keepalived_sync,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.foreign import keepalived_foreign
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.leaving import keepalived_leaving
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.networkd import keepalived_networkd_files
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.keepalived.units import keepalived_unit_files
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.lvs import kernel, neighbours, places, replies, tunnels
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.nginx.files import (
    nginx_checker_unit,
    nginx_checks,
    nginx_files,
)
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.report.dot import stack_dot
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.report.svg import stack_svg
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack import changes, drained, serving
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.storage.exports import storage_exports, storage_probes
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.storage.mounts import (
    storage_automount,
    storage_mount_files,
)

FUNCTIONS: tuple[t.Callable[..., t.Any], ...] = (
    haproxy_files,
    haproxy_main,
    haproxy_secret_files,
    dns.dns_address,
    dns.dns_keys,
    dns.dns_names,
    dns.dns_problems,
    dns.dns_settings,
    dns.dns_unit,
    dns.dns_zones,
    changes.failover_refusals,
    changes.migrate_refusals,
    changes.rollback,
    drained.drain,
    drained.drain_refusals,
    drained.not_drained,
    drained.undrain_refusals,
    firewall_files,
    keepalived_foreign,
    keepalived_leaving,
    keepalived_main,
    keepalived_scope,
    keepalived_sync,
    keepalived_networkd_files,
    keepalived_unit_files,
    kernel.ipvs_modules,
    kernel.ipvs_scope,
    neighbours.neighbour_paths,
    nginx_checker_unit,
    nginx_checks,
    nginx_files,
    serving.not_serving,
    places.kernel_keys,
    places.interfaces_for,
    places.vip_addresses,
    replies.nat_paths,
    replies.tun_paths,
    stack_dot,
    stack_svg,
    storage_automount,
    storage_exports,
    storage_mount_files,
    storage_probes,
    tunnels.segment_sizes,
    tunnels.tunnel_addresses,
    tunnels.tunnel_devices,
    tunnels.tunnel_modules,
)


def _filter(function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    @functools.wraps(function)
    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            return function(*args, **kwargs)
        except KeyError as error:
            raise AnsibleFilterError(f"{function.__name__}: an entry of what it was given lacks {error}") from error
        except ValueError as error:
            raise AnsibleFilterError(f"{function.__name__}: {error}") from error

    return call


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Every filter by its name."""
        return {function.__name__: _filter(function) for function in FUNCTIONS}
