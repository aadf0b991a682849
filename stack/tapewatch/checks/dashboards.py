"""Dashboards: nothing lies on something else, every link leads somewhere, every panel says what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tapewatch.panels import drawn_panels
from tapewatch.promql.grafana import names
from tapewatch_sdk.plugins import API_VERSION, Dashboard, Request
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["QUERIES", "DashboardCheck"]

QUERIES = 60
"""Queries that one dashboard may ask; a browser asks six at a time, so more are felt."""

_WIDTH = 24
"""Columns of Grafana's grid."""

_WITHOUT_NUMBERS = frozenset(
    {"row", "text", "logs", "nodeGraph", "traces", "news", "dashlist", "annolist", "alertlist"}
)
"""Kinds of panels that show no numbers."""

_DASHBOARD = re.compile(r"/d/(?P<uid>[A-Za-z0-9_-]+)(?:[/?]|$)")


class DashboardCheck:
    """Panels have a place, a question and a unit; links and variables lead somewhere; no dashboard asks too much."""

    name = "dashboards"
    api_version = API_VERSION

    def run(self, request: Request) -> Iterator[Problem]:
        """The findings, dashboard by dashboard."""
        uids = {board.uid for board in request.dashboards}
        yield from _same_uid(request.dashboards)
        for board in request.dashboards:
            panels = list(drawn_panels(board.model))
            yield from _places(board, panels)
            for panel in panels:
                yield from _panel(board, panel)
                yield from _links(board, panel, uids)
            yield from _variables(board, panels)
            yield from _queries(board, panels)


def _same_uid(boards: Sequence[Dashboard]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for board in boards:
        if board.uid in seen:
            yield Problem(
                "dashboards/same-uid",
                f"`{seen[board.uid]}` and `{board.title}` have the UID `{board.uid}`",
                "a UID belongs to one dashboard",
                "begin it with the name of the package that it comes from",
                Place(path=board.title),
            )
        seen.setdefault(board.uid, board.title)


def _places(board: Dashboard, panels: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place, title = panel.get("gridPos", {}), str(panel.get("title", ""))
        x, y, w, h = (int(place.get(key, 0)) for key in "xywh")
        cells = [(column, row) for column in range(x, x + w) for row in range(y, y + h)]
        other = next((taken[cell] for cell in cells if cell in taken), "")
        taken.update(dict.fromkeys(cells, title))
        if other or x + w > _WIDTH or not cells:
            what = f"lies on `{other}`" if other else "reaches beyond the page" if cells else "has no place"
            yield _problem(
                "dashboards/overlap", board, panel, f"the panel {what}",
                f"every panel has cells of its own in a grid of {_WIDTH} columns", "correct its `gridPos`",
            )  # fmt: skip


def _panel(board: Dashboard, panel: Mapping[str, Any]) -> Iterator[Problem]:
    if not panel.get("description"):
        yield _problem(
            "dashboards/no-description", board, panel, "the panel does not say what it answers",
            "every panel has a description", "write the question that it answers", Severity.WARNING,
        )  # fmt: skip
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
    spans = _kind(panel) == "jaeger"
    if panel.get("type") not in _WITHOUT_NUMBERS and not unit and not spans:
        yield _problem(
            "dashboards/no-unit", board, panel, "its numbers have no unit", "every number has a unit",
            "set `fieldConfig.defaults.unit`; `short` is the one of plain counts", Severity.WARNING,
        )  # fmt: skip


def _links(board: Dashboard, panel: Mapping[str, Any], uids: set[str]) -> Iterator[Problem]:
    for url in _urls(panel):
        match = _DASHBOARD.match(url)
        if match and match["uid"] not in uids:
            yield _problem(
                "dashboards/dead-link", board, panel, f"a link leads to `{match['uid']}`, which is no dashboard",
                "links lead to dashboards that are generated", f"one of {', '.join(sorted(uids))}",
            )  # fmt: skip


def _variables(board: Dashboard, panels: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    known = {str(each.get("name")) for each in board.model.get("templating", {}).get("list", ())}
    for panel in panels:
        used = names(json.dumps([*panel.get("targets", ())]))
        for name in sorted(each for each in used - known if not each.startswith("__")):
            yield _problem(
                "dashboards/unknown-variable", board, panel, f"a query uses `${name}`, which nobody can choose",
                "a variable of a query stands in the dashboard's `templating`", "add it there, or correct its name",
            )  # fmt: skip


def _queries(board: Dashboard, panels: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    count = sum(len(panel.get("targets", ())) for panel in panels)
    if count > QUERIES:
        yield Problem(
            "dashboards/too-many-queries",
            f"it asks {count} queries each time it is drawn",
            f"a dashboard asks {QUERIES} at most",
            "split it: one question a dashboard",
            Place(path=board.title),
            Severity.WARNING,
        )


def _kind(panel: Mapping[str, Any]) -> str:
    source = panel.get("datasource")
    return str(source.get("type", "")) if isinstance(source, Mapping) else ""


def _urls(node: object) -> Iterator[str]:
    """Every address in a panel, however deep."""
    if isinstance(node, Mapping):
        yield from (value for key, value in node.items() if key == "url" and isinstance(value, str))
        yield from (url for value in node.values() for url in _urls(value))
    elif isinstance(node, list | tuple):
        yield from (url for value in node for url in _urls(value))


def _problem(
    code: str, board: Dashboard, panel: Mapping[str, Any], summary: str, must: str, fix: str,
    severity: Severity = Severity.ERROR,
) -> Problem:  # fmt: skip
    return Problem(code, summary, must, fix, Place(path=f"{board.title} / {panel.get('title', '')}"), severity)
