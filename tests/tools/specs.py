# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs that modules and roles really have, and values checked against them."""

from __future__ import annotations

import copy
import functools
import importlib
import re
import typing as t
from unittest import mock

import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .paths import ROOT

Options = dict[str, dict[str, t.Any]]
CONDITIONS = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
# What a template may turn into, by type: checking a value whose text is only known later.
STAND_INS: dict[str, t.Any] = {"int": 1, "float": 1.0, "bool": True, "list": [], "dict": {}, "path": "/x"}


class Spec(t.NamedTuple):
    """The options of a module or of a role's entry point, and the conditions between them."""

    options: Options
    conditions: dict[str, t.Any]
    check_mode: bool = False


class _Captured(Exception):
    """Ends a module's main() once it has said what its arguments are."""


def modules() -> list[str]:
    """The names of all modules, without the collection."""
    return sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))


def roles() -> list[str]:
    """The names of all roles, without the collection."""
    return sorted(path.parent.name for path in (ROOT / "roles").glob("*/tasks"))


@functools.cache
def module_spec(name: str) -> Spec:
    """What the module hands to AnsibleModule; what it documents, where an action plugin of its name does the work."""
    module = importlib.import_module(f"ansible_collections.mixed_lb.stack.plugins.modules.{name}")
    if (ROOT / f"plugins/action/{name}.py").is_file():
        return Spec(_documented(yaml.safe_load(module.DOCUMENTATION)["options"]), {}, check_mode=True)
    seen: dict[str, t.Any] = {}

    def capture(_self: AnsibleModule, argument_spec: Options, **conditions: t.Any) -> None:
        seen.update(conditions, argument_spec=argument_spec)
        raise _Captured

    try:
        with mock.patch.object(AnsibleModule, "__init__", capture):
            module.main()
    except _Captured:
        pass
    conditions = {key: seen[key] for key in CONDITIONS if key in seen}
    return Spec(seen["argument_spec"], conditions, seen.get("supports_check_mode", False))


@functools.cache
def role_specs(role: str) -> dict[str, Spec]:
    """Entry points of a role, by name."""
    file = ROOT / "roles" / role / "meta/argument_specs.yml"
    entries = yaml.safe_load(file.read_text())["argument_specs"] if file.is_file() else {}
    return {name: Spec(entry.get("options") or {}, {}) for name, entry in entries.items()}


def _documented(options: Options) -> Options:
    keys = ("type", "elements", "required", "default", "choices", "aliases")
    result = {}
    for name, option in options.items():
        result[name] = {key: option[key] for key in keys if key in option}
        if "suboptions" in option:
            result[name]["options"] = _documented(option["suboptions"])
    return result


def faults(spec: Spec, values: dict[str, t.Any]) -> list[str]:
    """What Ansible would say against these values, templates given the benefit of the doubt."""
    known = {alias for option in spec.options.values() for alias in option.get("aliases", ())} | set(spec.options)
    filled = {key: _filled(spec.options.get(key, {}), value) for key, value in values.items()}
    unknown = [f"unknown option {key}" for key in values if key not in known]
    validator = ArgumentSpecValidator(
        {name: _plain(option) for name, option in spec.options.items()}, **spec.conditions
    )
    result = validator.validate({key: value for key, value in filled.items() if key in known})
    return unknown + list(result.error_messages)


def _plain(option: dict[str, t.Any]) -> dict[str, t.Any]:
    """An option without what only documentation has; a copy, for the validator fills in the defaults of a default."""
    return {key: copy.deepcopy(value) for key, value in option.items() if key not in ("description", "version_added")}


def _filled(option: dict[str, t.Any], value: t.Any) -> t.Any:
    """``value`` with a stand-in of the right type for whatever is a template."""
    if isinstance(value, str) and re.search(r"{{.*}}", value, re.DOTALL):
        return option["choices"][0] if option.get("choices") else STAND_INS.get(option.get("type", "str"), value)
    if isinstance(value, list):
        element = {**option, "type": option.get("elements", "raw")}
        return [_filled(element, item) for item in value]
    if isinstance(value, dict):
        suboptions = option.get("options") or {}
        return {key: _filled(suboptions.get(key, {}), item) for key, item in value.items()}
    return value
