# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack model: from ``lb_stack`` and the inventory to what every host is to be given. Pure; runs on the controller.

``load`` reads, ``check`` judges, ``derive`` computes; each takes plain data, none asks a host anything::

    inventory = Inventory(groups, variables)   # variables(host, keys) -> those that are set
    stack, findings = load(lb_stack, inventory)
    findings += check(stack, inventory)
    plan = derive(stack, inventory)      # only where no finding is an error
"""
