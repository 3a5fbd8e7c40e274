# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters' documentation tells their arguments, and its examples hold; their errors are Ansible's."""

from __future__ import annotations

import inspect
import typing as t
from pathlib import Path

import jinja2
import jinja2.nativetypes
import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.mixed_lb.stack.plugins.filter import stack

FOLDER = Path(stack.__file__).parent
FILTERS = stack.FilterModule().filters()


def page(name: str) -> dict[str, t.Any]:
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text())


def test_every_filter_has_a_page() -> None:
    assert {path.stem for path in FOLDER.glob("*.yml")} == set(FILTERS)


@pytest.mark.parametrize("name", FILTERS)
def test_the_page_tells_the_arguments(name: str) -> None:
    documentation = page(name)["DOCUMENTATION"]
    options = documentation["options"]
    _first, *others = inspect.signature(FILTERS[name]).parameters.values()
    assert documentation["name"] == name
    assert list(options) == ["_input", *(parameter.name for parameter in others)]
    assert documentation.get("positional", "") == ", ".join(parameter.name for parameter in others)
    for parameter in others:
        option = options[parameter.name]
        if parameter.default is parameter.empty:
            assert option["required"] is True
        else:
            default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
            assert option["default"] == default


@pytest.mark.parametrize("name", FILTERS)
def test_the_examples_hold(name: str) -> None:
    environment = jinja2.nativetypes.NativeEnvironment(undefined=jinja2.StrictUndefined)
    environment.filters |= {f"mixed_lb.stack.{each}": call for each, call in FILTERS.items()}
    for task in yaml.safe_load(page(name)["EXAMPLES"]):
        variables = dict(task.get("vars", {}))
        for variable, value in variables.items():
            if isinstance(value, str):
                variables[variable] = environment.from_string(value).render(variables)
        claims = task["ansible.builtin.assert"]["that"]
        assert f"mixed_lb.stack.{name}" in str(task)
        for claim in [claims] if isinstance(claims, str) else claims:
            assert environment.compile_expression(claim)(**variables) is True, claim


def test_an_error_is_told_in_one_line() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^ipvs_modules: unknown helper tftp: known are ftp, sip$"):
        FILTERS["ipvs_modules"]([], ["tftp"])


def test_a_missing_key_is_no_traceback() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^vip_addresses: an entry of what it was given lacks 'addresses'$"):
        FILTERS["vip_addresses"](["192.0.2.100"], [{"name": "eth0"}])
