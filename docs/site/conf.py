# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx; ``docs/site/build`` says where the sources lie."""

from __future__ import annotations

import posixpath
import re
import typing as t

from docutils import nodes

project = "mixed_lb.stack"
author = "The mixed_lb.stack authors"
project_copyright = f"2026 {author}"
title = html_title = html_short_title = f"{project}: Linux load balancing with Ansible"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = True
pygments_style = "ansible"
highlight_language = "yaml"
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_theme_options = {"vcs_pageview_mode": ""}
html_use_smartypants = True
# Links to headings are those that GitHub makes.
myst_heading_anchors = 4

REPOSITORY = "https://github.com/mixed-lb/mixed_lb.stack/blob/main/"
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
ROLE_PAGE = r"roles/(\w+)/README\.md"


def _link(found: re.Match[str]) -> str:
    """A link out of docs/: to a role's page of this site, else to the repository."""
    path, _hash, anchor = found[1].partition("#")
    target = posixpath.normpath(posixpath.join("docs", path))
    role = re.fullmatch(ROLE_PAGE, target)
    if role:
        return f"](collections/{role[1]}_role.rst)"
    return f"]({REPOSITORY}{target}{'#' if anchor else ''}{anchor})"


def _links(_app: object, _document: str, source: list[str]) -> None:
    source[0] = re.sub(r"\]\((\.\./[^)\s]+)\)", _link, source[0])


def _ansible(_app: object, _environment: object, node: t.Any, content: t.Any) -> t.Any:
    """What the generated pages name of Ansible's own documentation, without fetching its index."""
    page = ANSIBLE_PAGES.get(node.get("reftarget"))
    return nodes.reference("", "", content, refuri=ANSIBLE + page) if page else None


def setup(app: t.Any) -> None:
    """Called by Sphinx."""
    app.connect("missing-reference", _ansible)
    app.connect("source-read", _links)
