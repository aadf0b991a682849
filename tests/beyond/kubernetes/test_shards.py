"""A real Prometheus finds for each service the shard on which its rule expects it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render
from support.samples import large
from support.servers import start_prometheus
from support.waiting import wait_for
from tapewatch.catalogue import load_text
from tapewatch.renderers.kubernetes import KubernetesRenderer

pytestmark = pytest.mark.needs("prometheus")

SERVICES = 400
SHARDS = 4


def test_each_service_is_expected_on_the_shard_to_which_its_hash_brings_it(tmp_path: Path) -> None:
    data = yaml.safe_load(large(SERVICES))
    data["stack"].update(kubernetes={}, shards=SHARDS)
    files = render(KubernetesRenderer(), load_text(yaml.safe_dump(data, sort_keys=False)).catalogue)
    found = {path.rpartition("kubernetes/")[2]: yaml.safe_load(text) for path, text in files.items()}
    rules = found["prometheusrule/expected.yaml"]["spec"]["groups"][0]["rules"]
    expected = {rule["labels"]["service"]: int(rule["expr"].split('"')[3]) for rule in rules}
    services, marks = found["scrapeconfig/services.yaml"]["spec"], found["scrapeconfig/shard.yaml"]["spec"]

    with start_prometheus(json.dumps(_config(services, marks)), tmp_path) as prometheus:

        def look() -> list[dict[str, Any]]:
            active: list[dict[str, Any]] = prometheus.get_json("/api/v1/targets?state=active")["data"]["activeTargets"]
            return active if len(active) == SERVICES + SHARDS else []

        labels = [each["labels"] for each in wait_for("every target is found", look, log=prometheus.log_tail)]

    assert {each["service"]: int(each["number"]) for each in labels if each["job"] == "services"} == expected
    assert all(each["shard"] == each["number"] for each in labels if each["job"] == "shard")
    assert min(Counter(expected.values()).values()) > SERVICES / SHARDS / 2


def _config(services: dict[str, Any], marks: dict[str, Any]) -> dict[str, Any]:
    """What the operator does with a target's hash, with the number of the shard as a label instead of a choice."""
    number = [
        {"source_labels": ["__tmp_hash"], "target_label": "number", "modulus": SHARDS, "action": "hashmod"},
    ]
    by_service = [{"source_labels": ["service"], "target_label": "__tmp_hash"}]
    assert services["relabelings"] == [{"action": "replace", "sourceLabels": ["service"], "targetLabel": "__tmp_hash"}]
    jobs = [
        {
            "job_name": "services",
            "static_configs": services["staticConfigs"],
            "relabel_configs": [*by_service, *number],
        },
        {"job_name": "shard", "static_configs": marks["staticConfigs"], "relabel_configs": number},
    ]
    return {"global": {"scrape_interval": "1h"}, "scrape_configs": jobs}
