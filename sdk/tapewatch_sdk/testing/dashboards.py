"""The suite of packs of dashboards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tapewatch_sdk.plugins import Dashboard, Request
from tapewatch_sdk.problems import Problem
from tapewatch_sdk.testing import _engine
from tapewatch_sdk.testing._requested import RequestedSuite
from tapewatch_sdk.testing._saying import hold, skip

__all__ = ["DashboardSuite"]

SCHEMA_VERSION = 42
"""The version of a dashboard's JSON model that the stack's Grafana reads without migrating it."""

WIDTH = 24
"""Columns of Grafana's grid."""

_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_GONE = ("graph", "singlestat", "grafana-piechart-panel", "grafana-worldmap-panel", "table-old")


class DashboardSuite(RequestedSuite):
    """What holds for a pack of dashboards: a pure function; Grafana takes what it makes, and the queries have data."""

    group: ClassVar[str] = "tapewatch.dashboards"
    hook: ClassVar[str] = "dashboards"
    result: ClassVar[str] = "dashboards"

    @classmethod
    def answer(cls, plugin: Any, request: Request) -> bytes:
        """The dashboards of a pack, in the order of their UIDs."""
        boards = [_board(board) for board in plugin.dashboards(Request(request.catalogue, request.rules))]
        return json.dumps(sorted([board.uid, board.folder, _plain(board.model)] for board in boards)).encode()

    def test_there_is_a_dashboard_for_the_catalogue(self) -> None:
        plugin, request = self.made(), self.request
        self.answered(plugin, request)
        hold(
            list(plugin.dashboards(Request(request.catalogue, request.rules))),
            "it makes no dashboard for the catalogue of the suite",
            "the suite sees at least one dashboard, or it has nothing to test",
            "override `catalogue` with one for which there is a dashboard",
        )

    def test_every_uid_can_stand_in_an_address_and_is_that_of_the_model(self) -> None:
        for board in self._boards():
            hold(
                _UID.fullmatch(board.uid) and board.model.get("uid") == board.uid,
                f"the UID is {board.uid!r}, and in the model {board.model.get('uid')!r}",
                "both are the same: 1 to 40 letters, digits, `-` and `_`",
                "write one short UID in both places",
            )

    def test_no_other_dashboard_has_its_uid(self) -> None:
        plugin, request = self.made(), self.request
        own = [board.uid for board in self._boards()]
        others = [
            board.uid
            for each in self._found()
            if each.plugin is not None and type(each.plugin) is not type(plugin)
            for board in each.plugin.dashboards(Request(request.catalogue, request.rules))
        ]
        twice = sorted({uid for uid in own if own.count(uid) > 1 or uid in others})
        hold(
            not twice,
            f"the UID {', '.join(twice)} is used more than once",
            "a UID belongs to one dashboard of all that are installed",
            "begin it with the name of the package",
        )

    def test_every_model_is_json(self) -> None:
        for board in self._boards():
            try:
                text = json.dumps(board.model, allow_nan=False)
            except (TypeError, ValueError) as error:
                text = ""
                wrong = str(error)
            else:
                wrong = "it is not what JSON gives back" if json.loads(text) != _plain(board.model) else ""
            hold(
                not wrong,
                f"the model of {board.uid} cannot be written: {wrong}",
                "a model is made of dicts with texts as keys, lists, texts, finite numbers, booleans and None",
                "turn what else it holds into these",
            )

    def test_every_model_has_the_schema_version_of_the_stacks_grafana(self) -> None:
        for board in self._boards():
            hold(
                board.model.get("schemaVersion") == SCHEMA_VERSION,
                f"the schemaVersion of {board.uid} is {board.model.get('schemaVersion')!r}",
                f"it is {SCHEMA_VERSION}: Grafana migrates an older one each time it loads it",
                f'write "schemaVersion": {SCHEMA_VERSION}, and compare with what Grafana exports',
            )

    def test_every_panel_has_an_id_and_a_place_of_its_own(self) -> None:
        for board in self._boards():
            panels = list(_panels(board.model))
            ids = [panel.get("id") for panel in panels]
            hold(
                all(isinstance(each, int) for each in ids) and len(set(ids)) == len(ids),
                f"the ids of the panels of {board.uid} are {ids}",
                "each panel has a whole number as `id`, and no two the same",
                "count them",
            )
            for panel in panels:
                place = panel.get("gridPos", {})
                hold(
                    {"x", "y", "w", "h"} <= set(place) and place["x"] >= 0 and place["x"] + place["w"] <= WIDTH,
                    f"the panel {panel.get('title')!r} of {board.uid} stands at {place}",
                    f"`gridPos` has x, y, w and h, and lies within {WIDTH} columns",
                    "give it a place in the grid",
                )

    def test_no_panel_is_of_a_kind_that_grafana_has_removed(self) -> None:
        for board in self._boards():
            old = sorted({str(panel.get("type")) for panel in _panels(board.model)} & set(_GONE))
            hold(
                not old,
                f"{board.uid} has panels of the type {', '.join(old)}",
                "Angular panels are gone from Grafana 12 on",
                "use timeseries, stat, piechart, geomap or table",
            )

    def test_every_query_passes_the_lineage_check(self) -> None:
        boards, request = self._boards(), self.request
        from tapewatch.checks.lineage import LineageCheck

        found: list[Problem] = list(LineageCheck().run(Request(request.catalogue, request.rules, boards)))
        names = {board.title for board in boards}
        own = [each for each in found if each.where.path.partition(" / ")[0] in names]
        hold(
            not own,
            f"the lineage check finds:{_engine.told(own)}\n",
            "every metric, label and type that a query uses is declared in the catalogue and emitted by a service",
            "correct the query, or override `catalogue` with one that declares the metric",
        )

    def _boards(self) -> list[Dashboard]:
        plugin, request = self.made(), self.request
        self.answered(plugin, request)
        boards = list(plugin.dashboards(Request(request.catalogue, request.rules)))
        return boards or skip("it makes none, see test_there_is_a_dashboard_for_the_catalogue")


def _board(given: Any) -> Dashboard:
    if not isinstance(given, Dashboard) or not isinstance(given.model, Mapping):
        raise TypeError(f"{given!r:.80} is no tapewatch_sdk.plugins.Dashboard with a model")
    if not isinstance(given.model.get("title"), str):
        raise ValueError(f"the model of {given.uid!r} has no title")
    return given


def _plain(value: Any) -> Any:
    """The same as JSON would give it back, whatever is in it."""
    return json.loads(json.dumps(value, default=repr))


def _panels(model: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for panel in model.get("panels", ()):
        yield panel
        yield from _panels(panel)
