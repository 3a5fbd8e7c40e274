# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links between pages lead somewhere, down to the heading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools import specs
from tools.paths import ROOT, source_files

PAGES = [path for path in source_files() if path.suffix == ".md"]


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The headings' names in links, as GitHub and others make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _hash, anchor = target.partition("#")
        file = (ROOT / page.parent / path).resolve() if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file.relative_to(ROOT))):
            broken.append(target)
    assert broken == []


def test_the_readme_names_every_playbook_role_and_module() -> None:
    text = (ROOT / "README.md").read_text()
    section = text.partition("\n## What is in it\n")[2].partition("\n## ")[0]
    rows = "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))
    there = [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("plugins/modules/*.py")]
    assert set(re.findall(r"`([a-z_]+)`", rows)) == {path.stem for path in there} | set(specs.roles())


def test_the_site_has_every_page() -> None:
    index = (ROOT / "docs/site/index.md").read_text()
    listed = set(re.findall(r"^([a-z_]+)$", index, re.MULTILINE))
    assert listed == {path.stem for path in ROOT.glob("docs/*.md")}
