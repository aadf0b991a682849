"""docs/files.md lists every file that the sample generates."""

from __future__ import annotations

import re

from docs.pages import page, rows
from support.samples import ROOT
from tapewatch.project import open_project
from tapewatch.writing import MANIFEST


def listed() -> list[str]:
    return [cells[0].strip("`") for cells in rows(page("files.md").text) if cells[0].startswith("`")]


def test_every_generated_file_is_listed() -> None:
    patterns = [re.compile(re.sub(r"<\w+>|\\\*", r"[^/]+", re.escape(path))) for path in listed()]
    made = [*open_project(ROOT).render(), MANIFEST]

    assert [path for path in made if not any(pattern.fullmatch(path) for pattern in patterns)] == []


def test_every_listed_file_is_generated() -> None:
    made = [*open_project(ROOT).render(), MANIFEST]
    only_with_log_alerts = {"provisioning/loki/rules/fake/tapewatch.yml"}  # the sample has none

    for path in set(listed()) - only_with_log_alerts:
        pattern = re.compile(re.sub(r"<\w+>|\\\*", r"[^/]+", re.escape(path)))
        assert any(pattern.fullmatch(each) for each in made), f"nothing generates {path}"
