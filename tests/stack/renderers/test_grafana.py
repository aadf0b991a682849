"""Data sources that lead from one to the next, dashboards and their provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from support.rendering import render, varied
from support.samples import load_sample
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch_sdk.names import (
    DATASOURCE_ALERTMANAGER,
    DATASOURCE_HISTORY,
    DATASOURCE_JAEGER,
    DATASOURCE_LOKI,
    DATASOURCE_PROMETHEUS,
)
from tapewatch_sdk.plugins import Dashboard

SOURCES = f"{layout.GRAFANA}/provisioning/datasources/tapewatch.yml"
PROVIDER = f"{layout.GRAFANA}/provisioning/dashboards/tapewatch.yml"


def sources() -> dict[str, Any]:
    document = yaml.safe_load(render(GrafanaRenderer(), load_sample())[SOURCES])
    return {source["uid"]: source for source in document["datasources"]}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def references(value: Any) -> Iterator[str]:
    """Every UID that a correlation points at."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key in ("datasourceUid", "alertmanagerUid"):
                yield each
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def with_history(data: dict[str, Any]) -> None:
    data["stack"]["history"] = {"grafana": True}


def test_the_history_is_a_data_source_where_the_catalogue_wants_it_and_its_key_stays_in_its_file() -> None:
    assert DATASOURCE_HISTORY not in sources()

    document = yaml.safe_load(render(GrafanaRenderer(), varied(with_history))[SOURCES])
    (history,) = [each for each in document["datasources"] if each["uid"] == DATASOURCE_HISTORY]
    assert history["url"] == "http://api:8000"
    assert history["jsonData"]["allowedHosts"] == ["http://api:8000"]
    assert history["secureJsonData"] == {"basicAuthPassword": "$__file{/run/tapewatch/history/api-key}"}


def test_grafana_fetches_the_plugin_and_sees_the_key_only_where_it_asks_the_history() -> None:
    def grafana(catalogue: Catalogue) -> dict[str, Any]:
        return dict(yaml.safe_load(render(ComposeRenderer(), catalogue)[layout.COMPOSE])["services"]["grafana"])

    without, with_it = grafana(load_sample()), grafana(varied(with_history))
    assert "GF_PLUGINS_PREINSTALL" not in without["environment"]
    assert with_it["environment"]["GF_PLUGINS_PREINSTALL"] == history_plugin()
    assert "history-key:/run/tapewatch/history:ro" in with_it["volumes"]
    assert not any("history-key" in each for each in without["volumes"])


def history_plugin() -> str:
    document = yaml.safe_load(render(GrafanaRenderer(), varied(with_history))[SOURCES])
    return str(next(each["type"] for each in document["datasources"] if each["uid"] == DATASOURCE_HISTORY))


def test_the_four_data_sources_have_fixed_uids_and_nobody_edits_them() -> None:
    assert sources().keys() == {DATASOURCE_PROMETHEUS, DATASOURCE_LOKI, DATASOURCE_JAEGER, DATASOURCE_ALERTMANAGER}
    assert all(source["editable"] is False for source in sources().values())
    assert [uid for uid, source in sources().items() if source.get("isDefault")] == [DATASOURCE_PROMETHEUS]
    assert yaml.safe_load(render(GrafanaRenderer(), load_sample())[SOURCES])["prune"] is True


def test_every_correlation_leads_to_a_data_source_that_is_there() -> None:
    found = {uid: set(references(source)) for uid, source in sources().items()}
    assert found[DATASOURCE_PROMETHEUS] == {DATASOURCE_JAEGER, DATASOURCE_ALERTMANAGER}
    assert found[DATASOURCE_JAEGER] == {DATASOURCE_LOKI, DATASOURCE_PROMETHEUS}
    assert found[DATASOURCE_LOKI] == {DATASOURCE_JAEGER}


def test_every_dollar_is_escaped_and_comes_out_as_grafanas_own_variable() -> None:
    dollars = [text for source in sources().values() for text in texts(source) if "$" in text]
    assert len(dollars) == 5
    assert all("$" not in text.replace("$$", "") for text in dollars)
    query = sources()[DATASOURCE_JAEGER]["jsonData"]["tracesToLogsV2"]["query"]
    assert query.replace("$$", "$") == '{${__tags}} | trace_id="${__span.traceId}"'


def test_dashboards_go_into_a_folder_each_with_a_provider_that_knows_its_title() -> None:
    boards = [
        Dashboard("stack-health", "The Stack", {"title": "Stack Health", "uid": "stack-health", "panels": []}),
        Dashboard("risk", "Trading", {"title": "Risiko für alle", "uid": "risk"}),
        Dashboard("execution", "Trading", {"title": "Execution", "uid": "execution"}),
    ]
    files = render(GrafanaRenderer(), load_sample(), boards)
    assert [path for path in files if path.endswith(".json")] == [
        f"{layout.DASHBOARDS}/the-stack/stack-health.json",
        f"{layout.DASHBOARDS}/trading/execution.json",
        f"{layout.DASHBOARDS}/trading/risk.json",
    ]
    assert json.loads(files[f"{layout.DASHBOARDS}/trading/risk.json"])["title"] == "Risiko für alle"
    assert files[f"{layout.DASHBOARDS}/trading/risk.json"].endswith("}\n")
    providers = yaml.safe_load(files[PROVIDER])["providers"]
    assert [(each["folder"], each["options"]["path"]) for each in providers] == [
        ("The Stack", "/etc/grafana/dashboards/the-stack"),
        ("Trading", "/etc/grafana/dashboards/trading"),
    ]
    assert files == render(GrafanaRenderer(), load_sample(), boards[::-1])


def test_grafana_shows_the_dashboard_called_home_first_where_there_is_one() -> None:
    key = "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
    for boards, path in (
        ([Dashboard("home", "The Stack", {"uid": "home"})], "/etc/grafana/dashboards/the-stack/home.json"),
        ([Dashboard("risk", "The Stack", {"uid": "risk"})], None),
    ):
        document = yaml.safe_load(render(ComposeRenderer(), load_sample(), boards)[layout.COMPOSE])
        assert document["services"]["grafana"]["environment"].get(key) == path
        files = render(GrafanaRenderer(), load_sample(), boards)
        assert path is None or path.replace("/etc/grafana", layout.GRAFANA) in files
