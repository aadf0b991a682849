"""The dashboards: their JSON holds against Grafana's strict schema, and panels keep their ids."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from support.samples import ROOT
from tapewatch.panels import all_panels
from tapewatch.project import open_project
from tapewatch_sdk.plugins import Dashboard

SCHEMA = ROOT.parent / "shared" / "data" / "grafana-dashboard.schema.json"


@pytest.fixture(scope="module")
def dashboards() -> list[Dashboard]:
    return list(open_project(ROOT).dashboards)


@pytest.mark.skipif(
    not SCHEMA.is_file(), reason="needs grafana-dashboard.schema.json, which is not beside this checkout"
)
def test_each_holds_against_grafanas_strict_schema(dashboards: list[Dashboard]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)

    for dashboard in dashboards:
        assert list(validator.iter_errors(dashboard.model)) == []


def test_every_panel_says_what_it_answers_and_numbers_have_a_unit(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        for panel in all_panels(dashboard.model):
            assert panel["description"].endswith("?")
            assert panel["fieldConfig"]["defaults"]["unit"]


def test_ids_are_unique_and_no_panel_lies_on_another(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        panels = list(all_panels(dashboard.model))
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [
            (x, y)
            for place in (panel["gridPos"] for panel in panels)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24


def test_the_file_of_a_dashboard_is_named_after_its_uid(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        assert list(Path(ROOT / "provisioning/grafana/dashboards").rglob(f"{dashboard.uid}.json"))
