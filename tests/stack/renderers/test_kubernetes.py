"""The objects of a cluster: none unless asked for, few however many services there are, secrets by reference alone."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.beyond import SECRETS, objects, rendered, rich
from support.rendering import render, varied
from support.samples import large, load_sample
from tapewatch.catalogue import Catalogue, load_text
from tapewatch.renderers.kubernetes import KubernetesRenderer

KIB = 1024

Object = dict[str, Any]


def many(count: int, **stack: Any) -> Catalogue:
    data = yaml.safe_load(large(count))
    data["stack"].update(kubernetes={}, **stack)
    return load_text(yaml.safe_dump(data, sort_keys=False)).catalogue


def made(catalogue: Catalogue) -> dict[str, str]:
    return render(KubernetesRenderer(), catalogue)


def of_kind(files: dict[str, str], kind: str) -> dict[str, Object]:
    return {path: yaml.safe_load(text) for path, text in files.items() if f"/{kind}/" in path}


def test_without_the_section_there_is_nothing() -> None:
    assert made(load_sample()) == {}


def test_objects_grow_with_ways_of_scraping_and_not_with_services() -> None:
    few, lots = made(many(100)), made(many(2000))

    assert len(few) == len(lots)


def test_ten_thousand_services_take_a_few_objects_more_each_below_its_limit() -> None:
    few, lots = made(many(100)), made(many(10_000))

    assert len(lots) - len(few) <= 8
    assert max(len(text.encode()) for text in lots.values()) < 400 * KIB
    expected = [
        rule["labels"]["service"]
        for path, each in of_kind(lots, "prometheusrule").items()
        if "/expected" in path
        for rule in each["spec"]["groups"][0]["rules"]
    ]
    targets = [
        target
        for each in of_kind(lots, "scrapeconfig").values()
        if each["spec"]["jobName"] == "services"
        for group in each["spec"]["staticConfigs"]
        for target in group["targets"]
    ]
    assert len(set(expected)) == len(expected) == len(set(targets)) == len(targets) == 10_000


def test_the_order_of_the_services_means_nothing() -> None:
    data = yaml.safe_load(large(50))
    data["stack"]["kubernetes"] = {}
    turned = {**data, "services": dict(reversed(data["services"].items()))}

    first, second = (load_text(yaml.safe_dump(each, sort_keys=False)).catalogue for each in (data, turned))

    assert made(first) == made(second)


def test_a_secret_is_a_key_of_the_users_secret_and_never_written_down(tmp_path: Path) -> None:
    found = objects(rendered(tmp_path, rich()))
    secrets = {each["metadata"]["name"]: each["data"] for each in found.values() if each["kind"] == "Secret"}

    assert set(secrets) == {"alertmanager-configuration", "alertmanagers", "tapewatch-users"}
    assert secrets["tapewatch-users"] == {"watch": base64.b64encode(b"watch").decode()}
    scrape = {each["metadata"]["name"]: each["spec"] for each in found.values() if each["kind"] == "ScrapeConfig"}
    assert scrape["services-own-https-tls-bearer"]["authorization"]["credentials"] == {
        "name": "tapewatch",
        "key": "edge-token",
    }
    mounted = {
        item["key"]
        for each in found.values()
        if each["kind"] in ("Prometheus", "Alertmanager")
        for volume in each["spec"]["volumes"]
        for item in volume["secret"]["items"]
    }
    assert mounted == {*SECRETS, "history-api-key"}


def test_shards_take_a_service_as_a_whole_and_ask_for_it_where_it_is() -> None:
    files = made(many(20, shards=4))
    jobs = {each["metadata"]["name"]: each["spec"] for each in of_kind(files, "scrapeconfig").values()}

    assert jobs["services"]["relabelings"][-1] == {
        "action": "replace",
        "sourceLabels": ["service"],
        "targetLabel": "__tmp_hash",
    }
    (expected,) = (each for path, each in of_kind(files, "prometheusrule").items() if path.endswith("/expected.yaml"))
    asked = {rule["expr"] for rule in expected["spec"]["groups"][0]["rules"]}
    assert asked == {f'vector(1) and on () up{{job="shard",shard="{number}"}}' for number in range(4)}
    (prometheus,) = of_kind(files, "prometheus").values()
    assert (prometheus["spec"]["shards"], prometheus["spec"]["replicas"]) == (4, 1)


def test_every_member_has_a_service_of_its_own_under_the_name_that_it_has_in_compose() -> None:
    files = made(varied(lambda data: data["stack"].update(kubernetes={}, high_availability={})))
    services = {each["metadata"]["name"]: each["spec"]["selector"] for each in of_kind(files, "service").values()}

    pod = "statefulset.kubernetes.io/pod-name"
    assert services["prometheus-b"][pod] == "prometheus-tapewatch-1"
    assert services["alertmanager-c"][pod] == "alertmanager-tapewatch-2"
    (alertmanager,) = of_kind(files, "alertmanager").values()
    assert alertmanager["spec"]["alertmanagerConfigMatcherStrategy"] == {"type": "None"}
    assert {path.rpartition("/")[2] for path in files if "/poddisruptionbudget/" in path} == {
        "prometheus.yaml",
        "alertmanager.yaml",
        "history.yaml",
    }


@pytest.mark.parametrize("kind", ["prometheus", "alertmanager", "statefulset", "deployment", "daemonset"])
def test_every_pod_asks_for_what_it_needs(kind: str) -> None:
    for each in of_kind(made(varied(lambda data: data["stack"].update(kubernetes={}))), kind).values():
        spec = each["spec"] if "template" not in each["spec"] else each["spec"]["template"]["spec"]["containers"][0]
        assert spec["resources"]["requests"].keys() == {"cpu", "memory"}
        assert spec["resources"]["limits"].keys() == {"memory"}
