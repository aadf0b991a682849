"""The engine that keeps metrics for years: what is rendered for it, in compose, on a host and in a cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.beyond import objects, rendered
from support.rendering import render, varied
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.long_term import LongTermRenderer
from tapewatch.renderers.long_term._tenants import NO_TEAM, limits, tenants
from tapewatch.renderers.prometheus import PrometheusRenderer

Data = dict[str, Any]

STORE = {"endpoint": "s3:9000", "bucket": "metrics", "credentials_file": "/run/secrets/object-store"}


def engine(data: Data, **more: Any) -> None:
    data["stack"]["long_term"] = {"engine": "mimir", "object_store": STORE, **more}
    data["stack"]["images"]["mimir"] = {"image": "grafana/mimir", "version": "3.0.5"}


def with_engine(**more: Any) -> Catalogue:
    return varied(lambda data: engine(data, **more))


def paired(**settings: str) -> Callable[[Data], None]:
    """The engine, and two Prometheus."""

    def change(data: Data) -> None:
        engine(data)
        data["stack"].update(high_availability=settings)

    return change


def composed(catalogue: Catalogue) -> Data:
    found: Data = yaml.safe_load(render(ComposeRenderer(), catalogue)[layout.COMPOSE])
    return found


def writes(catalogue: Catalogue) -> list[Data]:
    text = render(PrometheusRenderer(), catalogue)[f"{layout.PROMETHEUS}/prometheus.yml"]
    found: list[Data] = yaml.safe_load(text).get("remote_write", [])
    return found


def takes(remote: Data, labels: Mapping[str, str]) -> bool:
    """Whether a remote write sends a series, as Prometheus reads its relabelling."""
    for step in remote["write_relabel_configs"]:
        if step.get("action") in ("keep", "drop"):
            text = ";".join(labels.get(name, "") for name in step["source_labels"])
            if bool(re.fullmatch(step["regex"], text)) != (step["action"] == "keep"):
                return False
    return True


def test_without_the_section_nothing_is_rendered() -> None:
    catalogue = varied(lambda _: None)

    assert render(LongTermRenderer(), catalogue) == {}
    assert writes(catalogue) == []


@pytest.mark.parametrize("team", ["data", "risk", "platform", "", "nobodys", "data-2"])
def test_every_series_goes_to_one_tenant(team: str) -> None:
    catalogue = with_engine()
    taken = [each["headers"]["X-Scope-OrgID"] for each in writes(catalogue) if takes(each, {"team": team})]

    assert taken == [team if team in tenants(catalogue) else NO_TEAM]


def test_limits_grow_with_the_budgets_and_a_pair_counts_twice() -> None:
    def more(data: Data) -> None:
        engine(data)
        data["services"]["risk-manager"]["series_budget"] = 5000

    alone, larger = with_engine(), varied(more)
    pair = varied(paired())

    assert limits(larger, "risk").series > limits(alone, "risk").series
    assert limits(larger, "data") == limits(alone, "data")
    assert limits(pair, "risk").rate == pytest.approx(2 * limits(alone, "risk").rate, abs=1)
    written = yaml.safe_load(render(LongTermRenderer(), alone)[f"{layout.LONG_TERM}/limits.yaml"])["overrides"]
    assert written.keys() == set(tenants(alone))
    assert written["risk"]["max_global_series_per_user"] == limits(alone, "risk").series


def test_the_pair_is_known_by_its_labels_and_alone_there_is_none() -> None:
    def config(catalogue: Catalogue) -> Data:
        found: Data = yaml.safe_load(render(LongTermRenderer(), catalogue)[f"{layout.LONG_TERM}/mimir.yaml"])
        return found

    pair = varied(paired(replica_label="twin"))

    assert config(pair)["limits"]["ha_replica_label"] == "twin"
    assert config(pair)["limits"]["drop_labels"] == [config(pair)["limits"]["ha_cluster_label"]]
    assert "ha_replica_label" not in config(with_engine())["limits"]


@pytest.mark.parametrize(("replicas", "factor"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_by_role_each_role_is_a_process_and_those_that_take_samples_in_are_several(replicas: int, factor: int) -> None:
    catalogue = with_engine(by_role=True, replicas=replicas)
    services = {name: each for name, each in composed(catalogue)["services"].items() if name.startswith("mimir")}

    assert len(services) == 6 + 2 * replicas
    assert len({next(iter(each["command"])) for each in services.values()}) == 1, "one configuration"
    config = yaml.safe_load(render(LongTermRenderer(), catalogue)[f"{layout.LONG_TERM}/mimir.yaml"])
    assert config["ingester"]["ring"]["replication_factor"] == factor
    assert {each.rpartition(":")[0] for each in config["memberlist"]["join_members"]} == services.keys()


def test_the_key_is_a_file_that_the_engine_and_loki_alone_have() -> None:
    document = composed(with_engine(replicas=3))

    readers = {name for name, each in document["services"].items() if "object-store" in each.get("secrets", [])}
    assert readers == {"mimir", "mimir-b", "mimir-c", "loki", "loki-b", "loki-c"}
    for name in readers:
        assert document["services"][name]["environment"]["AWS_SHARED_CREDENTIALS_FILE"] == "/run/secrets/object-store"
    assert {"mimir", "mimir-b", "mimir-c", "loki-b", "loki-c"} <= document["volumes"].keys()


def test_every_process_is_scraped() -> None:
    text = render(PrometheusRenderer(), with_engine(replicas=2))[f"{layout.PROMETHEUS}/prometheus.yml"]
    jobs = {each["job_name"]: each for each in yaml.safe_load(text)["scrape_configs"]}

    assert jobs["mimir"]["static_configs"][0]["targets"] == ["mimir:9009", "mimir-b:9009"]
    assert jobs["loki"]["static_configs"][0]["targets"] == ["loki:3100", "loki-b:3100"]


def test_somebody_elses_engine_is_written_to_and_not_run() -> None:
    catalogue = with_engine(address="gateway.example.com:80")

    assert not [name for name in composed(catalogue)["services"] if name.startswith("mimir")]
    assert {each["url"] for each in writes(catalogue)} == {"http://gateway.example.com:80/api/v1/push"}
    assert render(LongTermRenderer(), catalogue).keys() == {f"{layout.LONG_TERM}/lifecycle.json"}
    assert "s3" not in render(LokiRenderer(), catalogue)[f"{layout.LOKI}/loki.yml"]
    sources = yaml.safe_load(
        render(GrafanaRenderer(), catalogue)[f"{layout.GRAFANA}/provisioning/datasources/tapewatch.yml"]
    )
    (source,) = [each for each in sources["datasources"] if each["uid"] == "tapewatch-long-term"]
    assert source["url"] == "http://gateway.example.com:80/prometheus"
    assert source["secureJsonData"]["httpHeaderValue1"].split("|") == list(tenants(catalogue))


def test_the_operators_prometheus_sends_what_compose_sends(tmp_path: Path) -> None:
    def change(data: Data) -> None:
        engine(data, address="gateway.example.com:80")
        data["stack"].pop("simulate")
        data["stack"].update(kubernetes={}, high_availability={})

    root = rendered(tmp_path, change)
    (prometheus,) = [each for each in objects(root).values() if each["kind"] == "Prometheus"]
    compose = yaml.safe_load((root / layout.PROMETHEUS / "prometheus.yml").read_text())["remote_write"]

    for theirs, ours in zip(prometheus["spec"]["remoteWrite"], compose, strict=True):
        assert (theirs["name"], theirs["url"], theirs["headers"]) == (ours["name"], ours["url"], ours["headers"])
        assert [{_snake(key): value for key, value in step.items()} for step in theirs["writeRelabelConfigs"]] == [
            dict(step) for step in ours["write_relabel_configs"]
        ]
    assert "long-term" in (root / layout.KUBERNETES / "configmap" / "grafana-datasources.yaml").read_text()


def _snake(name: str) -> str:
    return re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", name)
