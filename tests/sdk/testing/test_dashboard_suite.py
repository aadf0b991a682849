"""The suite of packs of dashboards: a right one passes, and for each test a wrong one fails in this test alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk.testing.conformance import failed, install, made, names_of_tests, outcomes
from sdk.testing.unsteady import EagerBoards, Home
from tapewatch_sdk.names import DATASOURCE_PROMETHEUS
from tapewatch_sdk.plugins import Dashboard, Request
from tapewatch_sdk.testing import DashboardSuite


def board(uid: str = "acme", expr: str = "up", **more: Any) -> Dashboard:
    panel = {
        "id": 1,
        "type": "timeseries",
        "title": "Panel",
        "datasource": {"type": "prometheus", "uid": DATASOURCE_PROMETHEUS},
        "gridPos": {"x": 0, "y": 0, "w": 24, "h": 8},
        "targets": [{"refId": "A", "expr": expr}],
        **more.pop("panel", {}),
    }
    return Dashboard(uid, "acme", {"uid": uid, "title": "Acme", "schemaVersion": 42, "panels": [panel], **more})


def pack(dashboards: Callable[[Any, Request], Iterable[Any]] | None = None, **attributes: Any) -> type[Any]:
    return made(**{"dashboards": dashboards or (lambda self, request: [board()]), **attributes})


def one(**more: Any) -> type[Any]:
    return pack(lambda self, request: [board(**more)])


def counts(self: Any, request: Request) -> Iterator[Dashboard]:
    self.calls = getattr(self, "calls", 0) + 1
    yield board(description=str(self.calls))


def reads_the_catalogue(self: Any, request: Request) -> Iterator[Dashboard]:
    Path("catalogue.yaml").write_text("mine")
    yield board()


def spoils_the_catalogue(self: Any, request: Request) -> Iterator[Dashboard]:
    services: Any = request.catalogue.services
    services.pop("api", None)
    yield board()


def needs_a_service(self: Any, request: Request) -> Iterator[Dashboard]:
    yield board(description=min(request.catalogue.services))


def takes_names_for_words(self: Any, request: Request) -> Iterator[Dashboard]:
    assert all(name[0].isalpha() for name in request.catalogue.services)
    yield board()


TWO = [{"id": 1, "type": "text", "title": "x", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8}}] * 2

WRONG = {
    "test_it_keeps_the_contract_of_its_kind": pack(api_version=2),
    "test_its_docstring_says_what_it_adds": pack(__doc__=""),
    "test_it_answers_for_the_catalogue": pack(lambda self, request: [{"title": "Acme"}]),
    "test_the_same_request_gets_the_same_bytes": pack(counts),
    "test_the_order_of_the_services_does_not_matter": pack(
        lambda self, request: [board(description=" ".join(request.catalogue.services))]
    ),
    "test_it_touches_neither_disk_nor_network": pack(reads_the_catalogue),
    "test_it_leaves_the_request_as_it_was": pack(spoils_the_catalogue),
    "test_it_survives_a_catalogue_without_services": pack(needs_a_service),
    "test_it_survives_odd_names_and_texts": pack(takes_names_for_words),
    "test_there_is_a_dashboard_for_the_catalogue": pack(lambda self, request: []),
    "test_every_uid_can_stand_in_an_address_and_is_that_of_the_model": one(uid="no spaces"),
    "test_no_other_dashboard_has_its_uid": one(uid="stack-health"),
    "test_every_model_is_json": one(refresh=float("nan")),
    "test_every_model_has_the_schema_version_of_the_stacks_grafana": one(schemaVersion=36),
    "test_every_panel_has_an_id_and_a_place_of_its_own": one(panels=TWO),
    "test_no_panel_is_of_a_kind_that_grafana_has_removed": one(panel={"type": "singlestat"}),
    "test_every_query_passes_the_lineage_check": one(expr="rate(nobody_emits_this_total[1m])"),
}
INSTALLED = {
    "test_it_is_installed_under_its_own_name": pack(),
    "test_another_process_gets_the_same_bytes": Home,
    "test_making_it_touches_nothing": EagerBoards,
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = "sdk.testing.unsteady"
    points = {"tapewatch.dashboards": {"home": f"{here}:Home", "eager": f"{here}:EagerBoards"}}
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", points)))


def test_every_test_of_the_suite_has_a_pack_that_fails_in_it() -> None:
    assert {*WRONG, *INSTALLED} == names_of_tests(DashboardSuite)


def test_a_right_pack_passes() -> None:
    found = outcomes(DashboardSuite, pack())

    assert failed(found) == {}
    assert len([text for text in found.values() if text == "passed"]) == len(WRONG)


@pytest.mark.parametrize("test", WRONG)
def test_a_wrong_pack_fails_in_one_test_alone(test: str) -> None:
    found = failed(outcomes(DashboardSuite, WRONG[test]))

    assert list(found) == [test]
    assert "must hold: " in found[test]
    assert "fix: " in found[test]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("test", INSTALLED)
def test_an_installed_pack_that_is_wrong_fails_in_one_test_alone(test: str) -> None:
    found = failed(outcomes(DashboardSuite, INSTALLED[test], installed=True))

    assert list(found) == [test]
    assert "must hold: " in found[test]


def test_a_panel_outside_the_grid_is_found() -> None:
    wide = one(panel={"gridPos": {"x": 12, "y": 0, "w": 24, "h": 8}})

    assert list(failed(outcomes(DashboardSuite, wide))) == ["test_every_panel_has_an_id_and_a_place_of_its_own"]
