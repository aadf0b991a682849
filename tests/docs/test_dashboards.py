"""docs/dashboards.md names every dashboard, and the one that it writes works."""

from __future__ import annotations

from typing import Any

from docs.pages import page, rows
from docs.written import files_on
from support.samples import ROOT
from tapewatch.checks.lineage import LineageCheck
from tapewatch.project import ProjectRequest, open_project
from tapewatch_sdk.plugins import Dashboard

LONGEST = 30
"""Lines that a dashboard of one's own takes at most."""


def desk() -> tuple[str, Dashboard]:
    """The text of the example, and the dashboard that it makes."""
    text = files_on("dashboards.md")["acme_tapewatch/desk.py"]
    names: dict[str, Any] = {}
    exec(compile(text, "desk.py", "exec"), names)
    (board,) = names["Desk"]().dashboards(open_project(ROOT).request)
    return text, board


def test_every_dashboard_stands_there_with_its_question() -> None:
    table = {cells[0]: cells[1] for cells in rows(page("dashboards.md").text)}
    boards = [board for board in open_project(ROOT).dashboards if not board.uid.startswith("service-")]

    assert {board.title: table.get(board.title) for board in boards} == {
        board.title: board.model["description"] for board in boards
    }


def test_the_example_is_a_whole_dashboard_in_thirty_lines() -> None:
    text, board = desk()

    assert len([line for line in text.splitlines() if line.strip()]) < LONGEST
    assert [panel["type"] for panel in board.model["panels"]] == ["stat", "timeseries", "timeseries"]
    assert "dashed" in str(board.model["panels"][2]["fieldConfig"])


def test_the_queries_of_the_example_are_right() -> None:
    project = open_project(ROOT)
    request = ProjectRequest(project.catalogue, project.rules, (desk()[1],), project.loaded)

    assert list(LineageCheck().run(request)) == []
