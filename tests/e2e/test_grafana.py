"""A real Grafana on the generated files, beside the real servers that its data sources name.

No package registry has Grafana, so this runs where there is one: `TAPEWATCH_GRAFANA` names its folder.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.grafana import start_grafana
from support.grafana_stand_in import PASSWORD
from support.observed import NEEDS, Observed, observed
from support.servers import Server
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.uploading.access import Access
from tapewatch.uploading.api import Api
from tapewatch_sdk.names import (
    DATASOURCE_ALERTMANAGER,
    DATASOURCE_JAEGER,
    DATASOURCE_LOKI,
    DATASOURCE_PROMETHEUS,
)

pytestmark = [pytest.mark.needs("grafana", *NEEDS), pytest.mark.xdist_group("grafana")]

OWN_WORDS = {
    DATASOURCE_PROMETHEUS: ("/api/v1/query?query=1", "success"),
    DATASOURCE_LOKI: ("/loki/api/v1/labels", "success"),
    DATASOURCE_JAEGER: ("/api/services", "execution-engine"),
    DATASOURCE_ALERTMANAGER: ("/api/v2/status", "versionInfo"),
}
"""Data source -> what it is asked through Grafana, and a word of the answer."""


@dataclass
class Looked:
    """Grafana with what it looks at."""

    observed: Observed
    server: Server
    api: Api


@pytest.fixture(scope="module")
def grafana(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    folder = tmp_path_factory.mktemp("grafana")
    with observed(folder) as found:
        home = found.sample.folder
        settings = {
            "GF_PATHS_PROVISIONING": str(home / layout.GRAFANA / "provisioning"),
            "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(home / layout.DASHBOARDS / "tapewatch" / "home.json"),
        }
        with start_grafana(folder, settings) as server:
            signed = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
            yield Looked(found, server, Api(Access(server.url, f"Basic {signed}")))


def test_it_has_exactly_our_data_sources_and_none_can_be_edited(grafana: Looked) -> None:
    there = grafana.api.get("/api/datasources")

    assert {each["uid"] for each in there} == set(OWN_WORDS)
    assert all(each["readOnly"] for each in there)
    assert [each["uid"] for each in there if each["isDefault"]] == [DATASOURCE_PROMETHEUS]


def test_what_it_read_of_the_files_is_what_stands_in_them(grafana: Looked) -> None:
    """Above all that no dollar of a query was taken for a variable of the environment."""
    jaeger = grafana.api.get(f"/api/datasources/uid/{DATASOURCE_JAEGER}")["jsonData"]
    assert jaeger["tracesToLogsV2"]["query"] == '{${__tags}} | trace_id="${__span.traceId}"'
    assert all("$__tags" in query["query"] for query in jaeger["tracesToMetrics"]["queries"])
    loki = grafana.api.get(f"/api/datasources/uid/{DATASOURCE_LOKI}")["jsonData"]
    assert loki["derivedFields"][0]["url"] == "${__value.raw}"


@pytest.mark.parametrize("uid", OWN_WORDS)
def test_each_data_source_answers_through_grafana(grafana: Looked, uid: str) -> None:
    path, word = OWN_WORDS[uid]
    # Not by the UID: 9.4 takes what follows its first hyphen for a part of the path.
    number = grafana.api.get(f"/api/datasources/uid/{uid}")["id"]

    def asked() -> bool:
        return word in json.dumps(grafana.api.get(f"/api/datasources/proxy/{number}{path}"))

    wait_for(f"{uid} answers through Grafana", asked, 60, grafana.server.log_tail)


def test_every_dashboard_is_loaded_into_its_folder(grafana: Looked) -> None:
    boards = {board.uid: board.title for board in grafana.observed.project.dashboards}

    def loaded() -> dict[str, Any] | None:
        hits = grafana.api.get("/api/search", type="dash-db", limit=100, page=1)
        return {hit["uid"]: hit for hit in hits} if len(hits) >= len(boards) else None

    there = wait_for("the dashboards are loaded", loaded, 60, grafana.server.log_tail)

    assert {uid: hit["title"] for uid, hit in there.items()} == boards
    assert {hit["folderUid"] for hit in there.values()} == {"tapewatch-tapewatch"}


def test_whoever_signs_in_sees_home(grafana: Looked) -> None:
    assert grafana.api.get("/api/dashboards/home")["dashboard"]["uid"] == "home"


def test_a_dashboard_from_a_file_is_not_ours_to_upload(grafana: Looked) -> None:
    from tapewatch.uploading.plan import plan

    found = plan(grafana.api, grafana.observed.project.dashboards, "trading")

    assert {step.kind for step in found.steps} == {"not ours"}
    assert all("from a file" in step.why for step in found.steps)


def test_it_says_of_no_file_that_it_is_wrong(grafana: Looked) -> None:
    told = [line for line in grafana.server.log().splitlines() if "level=error" in line or "lvl=eror" in line]

    # Of folders for what we provision nothing of (plugins, alerts) it says that they are not there.
    assert [line for line in told if "provisioning.da" in line] == []
