"""Shards in the generated files: names, ports, who asks whom, and what leaves to the engine."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.rendering import render, varied
from support.sharded import ENGINE, IMAGE
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.flags import prometheus_flags
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.kubernetes import KubernetesRenderer
from tapewatch.renderers.members import members
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native
from tapewatch.sharding.hashing import shard_of


def catalogue(**stack: Any) -> Catalogue:
    def change(data: dict[str, Any]) -> None:
        data["stack"].update({"long_term": dict(ENGINE), **stack})
        data["stack"]["images"]["mimir"] = IMAGE

    return varied(change)


def composed(catalogue: Catalogue) -> dict[str, Any]:
    return dict(yaml.safe_load(render(ComposeRenderer(), catalogue)[layout.COMPOSE])["services"])


def sources(catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    text = render(GrafanaRenderer(), catalogue)[f"{layout.GRAFANA}/provisioning/datasources/tapewatch.yml"]
    return {each["uid"]: each for each in yaml.safe_load(text)["datasources"]}


def configured(catalogue: Catalogue) -> list[dict[str, Any]]:
    """The configuration of each shard."""
    files = render(PrometheusRenderer(), catalogue)
    names = [f"{layout.PROMETHEUS}/prometheus{f'-{shard}' if shard else ''}.yml" for shard in range(9)]
    return [yaml.safe_load(files[name]) for name in names if name in files]


def test_shards_run_by_themselves_and_their_second_members_on_request() -> None:
    services = composed(catalogue(shards=2, high_availability={}))
    found = {name: each for name, each in services.items() if name.startswith("prometheus")}

    assert {name: each.get("profiles") for name, each in found.items()} == {
        "prometheus": None,
        "prometheus-b": ["ha"],
        "prometheus-1": None,
        "prometheus-1-b": ["ha"],
    }
    assert [each["ports"][0].split(":")[1] for each in found.values()] == ["9090", "9190", "9290", "9390"]
    assert [each["environment"]["TAPEWATCH_REPLICA"] for each in found.values()] == ["a", "b", "a", "b"]
    files = [each["command"][0].rpartition("/")[2] for each in found.values()]
    assert files == ["prometheus.yml", "prometheus.yml", "prometheus-1.yml", "prometheus-1.yml"]
    assert len({each["volumes"][1] for each in found.values()}) == 4  # a folder of data each


def test_on_one_machine_each_has_a_port_and_a_folder_of_its_own() -> None:
    given = catalogue(shards=3)
    where = native(given.stack.ports)
    flags = [prometheus_flags(given, where, member) for member in members(given.stack, "prometheus")]

    assert [next(each for each in some if "listen-address" in each).rpartition(":")[2] for some in flags] == [
        "9090", "9190", "9290",
    ]  # fmt: skip
    assert len({next(each for each in some if "tsdb.path" in each) for some in flags}) == 3


def test_a_new_shard_changes_nobody_s_port() -> None:
    before = {each.suffix: each.published(9090) for each in members(catalogue(shards=2).stack, "prometheus")}
    after = {each.suffix: each.published(9090) for each in members(catalogue(shards=5).stack, "prometheus")}

    assert before.items() <= after.items()


def test_the_configurations_differ_in_the_number_of_the_shard_alone() -> None:
    found = configured(catalogue(shards=3, high_availability={}))

    assert [each["global"]["external_labels"]["shard"] for each in found] == ["0", "1", "2"]
    texts = [yaml.safe_dump(each) for each in found]
    for number, text in enumerate(texts):
        same = text.replace(f"regex: '{number}'", "regex: N").replace(f";.*|.+;{number}", "OWN")
        same = same.replace(f"shards/{number}/", "shards/N/").replace(f"shard: '{number}'", "shard: N")
        texts[number] = same
    assert len(set(texts)) == 1


def test_every_shards_targets_are_the_same_file() -> None:
    files = render(PrometheusRenderer(), catalogue(shards=3))
    one = render(PrometheusRenderer(), catalogue())

    targets = {path: text for path, text in files.items() if path.startswith(layout.TARGETS)}
    assert targets == {path: text for path, text in one.items() if path.startswith(layout.TARGETS)}
    assert targets


def test_grafana_asks_the_engine_and_each_shard_on_request() -> None:
    found = sources(catalogue(shards=2))

    assert found["tapewatch-prometheus"]["url"] == found["tapewatch-long-term"]["url"]
    assert found["tapewatch-prometheus"]["isDefault"]
    assert found["tapewatch-prometheus-0"]["url"] == "http://prometheus:9090"
    assert found["tapewatch-prometheus-1"]["url"] == "http://prometheus-1:9090"
    assert [uid for uid, each in found.items() if each.get("isDefault")] == ["tapewatch-prometheus"]
    assert sources(catalogue())["tapewatch-prometheus"]["url"] == "http://prometheus:9090"


def test_each_history_watches_one_member_of_every_shard() -> None:
    services = composed(catalogue(shards=2, high_availability={}))

    def watched(name: str) -> list[str]:
        words = services[name]["command"]
        return [words[number + 1] for number, word in enumerate(words) if word == "--prometheus"]

    assert watched("api") == ["http://prometheus:9090", "http://prometheus-1:9090"]
    assert watched("api-b") == ["http://prometheus-b:9090", "http://prometheus-1-b:9090"]


def test_the_sample_platform_pushes_to_the_shards_of_those_that_push() -> None:
    given = catalogue(shards=4)
    words = composed(given)["platform"]["command"]
    (pushing,) = (name for name, each in given.services.items() if each.mode == "push")

    shard = shard_of(pushing, 4)
    host = f"prometheus-{shard}" if shard else "prometheus"
    assert [word for word in words if word.startswith("http://prometheus")] == [f"http://{host}:9090/api/v1/otlp"]


@pytest.mark.parametrize(
    ("more", "last"),
    [
        ({}, {"regex": "shard", "action": "labeldrop"}),
        ({"high_availability": {}}, {"source_labels": ["team"], "action": "drop"}),
    ],
)
def test_no_series_is_another_one_after_a_move(more: dict[str, Any], last: dict[str, Any]) -> None:
    """Alone, Prometheus drops the label; a pair is told apart by it, and the engine drops it then."""
    (*_, remote) = configured(catalogue(shards=3, **more))[1]["remote_write"]

    assert last.items() <= remote["write_relabel_configs"][-1].items()


def test_in_a_cluster_members_have_the_same_names() -> None:
    engine = {**ENGINE, "address": "mimir:9009"}
    given = catalogue(shards=2, high_availability={}, kubernetes={}, long_term=engine)
    objects = [yaml.safe_load(text) for text in render(KubernetesRenderer(), given).values()]
    names = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Service"}

    pod = "statefulset.kubernetes.io/pod-name"
    assert names["prometheus-1-b"]["spec"]["selector"][pod] == "prometheus-tapewatch-shard-1-1"
    assert names["prometheus-b"]["spec"]["selector"][pod] == "prometheus-tapewatch-1"
