"""docs/catalogue.md has every setting with its default, and its examples load."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from docs.pages import Block, page, rows
from docs.settings import models, settings_of
from support.samples import SAMPLE, problems_in

PAGE = page("catalogue.md")
EXAMPLES = [
    block
    for name in ("catalogue.md", "alerts.md", "pushing.md")
    for block in page(name).blocks
    if block.language == "yaml"
]


def documented(section: str) -> dict[str, str]:
    """Default by key, of the table of settings in a section."""
    return {match[1]: cells[1] for cells in rows(PAGE.sections[section]) if (match := re.fullmatch("`(.+)`", cells[0]))}


def sections_of_model() -> dict[type, list[str]]:
    """The headings under which each part of the model may be described."""
    found: dict[type, list[str]] = {}
    for model, path in models():
        found.setdefault(model, []).append(path or "Top level")
    return found


@pytest.mark.parametrize("model", sections_of_model(), ids=lambda model: model.__name__)
def test_every_setting_stands_there_with_its_default(model: Any) -> None:
    headings = [path for path in sections_of_model()[model] if path in PAGE.sections]

    assert headings, f"docs/catalogue.md needs a section: one of {sections_of_model()[model]}"
    assert documented(headings[0]) == {setting.key: setting.default for setting in settings_of(model)}


def test_no_section_describes_settings_that_do_not_exist() -> None:
    known = {path for paths in sections_of_model().values() for path in paths}

    stale = [title for title in PAGE.sections if documented(title) and title not in known]

    assert not stale


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: f"line-{block.line}")
def test_every_example_can_be_merged_into_the_sample(block: Block) -> None:
    fragment = yaml.safe_load(block.text)
    text = yaml.safe_dump(merged(yaml.safe_load(SAMPLE), fragment), sort_keys=False)

    assert [problem.summary for problem in problems_in(text)] == []


def test_every_kind_of_setting_has_an_example() -> None:
    shown = {key for block in EXAMPLES for key in paths(yaml.safe_load(block.text))}
    sections = {path.split(".")[-1].removesuffix("[]") for paths_ in sections_of_model().values() for path in paths_}

    unseen = sections - shown - {"NAME", "Top level", "critical", "high", "images"}

    assert not unseen, f"no example shows {sorted(unseen)}"


def merged(base: Any, more: Any) -> Any:
    """Two mappings as one, key by key; everything else is replaced."""
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    return {**base, **{key: merged(base.get(key), value) for key, value in more.items()}}


def paths(data: Any) -> set[str]:
    """Every key, at any depth."""
    if isinstance(data, dict):
        return {*data} | {key for value in data.values() for key in paths(value)}
    return {key for value in data for key in paths(value)} if isinstance(data, list) else set()
