"""What Thanos reads, how its processes are started, and where the others find them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from support.rendering import render, varied
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.long_term import LongTermRenderer
from tapewatch.renderers.long_term._tenants import limits, tenants
from tapewatch.renderers.prometheus import PrometheusRenderer

KEY = "/run/secrets/object-store"
STORE = {"endpoint": "s3:9000", "bucket": "metrics", "credentials_file": KEY, "tls": False, "path_style": True}


def catalogue(engine: dict[str, Any] | None = None, **stack: Any) -> Catalogue:
    def change(data: dict[str, Any]) -> None:
        data["stack"]["long_term"] = {"engine": "thanos", "object_store": STORE, **(engine or {})}
        data["stack"]["images"]["thanos"] = {"image": "quay.io/thanos/thanos", "version": "v0.42.4"}
        data["stack"].update(stack)

    return varied(change)


def composed(given: Catalogue) -> dict[str, Any]:
    return dict(yaml.safe_load(render(ComposeRenderer(), given)[layout.COMPOSE]))


def services(given: Catalogue) -> dict[str, Any]:
    return {name: part for name, part in composed(given)["services"].items() if name.startswith("thanos")}


def configured(given: Catalogue, name: str) -> Any:
    return yaml.safe_load(render(LongTermRenderer(), given)[f"{layout.LONG_TERM}/{name}"])


def test_each_role_is_a_part_that_says_when_it_is_ready() -> None:
    given = catalogue({"replicas": 3})
    found, document = services(given), composed(given)
    assert sorted(found) == [
        "thanos-compact", "thanos-query", "thanos-receive", "thanos-receive-b", "thanos-receive-c", "thanos-rule",
        "thanos-store",
    ]  # fmt: skip
    for name, part in found.items():
        assert part["healthcheck"]["test"][-1] == "http://127.0.0.1:9009/-/ready"
        assert part["mem_limit"]
        assert part["read_only"]
        stored = name != "thanos-query"
        assert (part.get("secrets") == ["object-store"]) == stored
        assert (part.get("environment") == {"AWS_SHARED_CREDENTIALS_FILE": KEY}) == stored
        assert (name in document["volumes"]) == stored
        assert (f"chown 1001:1001 /thanos/{name}\n" in document["services"]["prepare"]["entrypoint"][-1]) == stored
        assert ("depends_on" in part) == stored, "its volume has an owner first"
    assert found["thanos-query"]["ports"] == ["127.0.0.1:9009:9009"]
    assert found["thanos-query"]["networks"]["default"]["aliases"] == ["long-term"]
    assert found["thanos-receive-b"]["networks"]["default"]["aliases"] == ["long-term-write"]


@pytest.mark.parametrize(("replicas", "copies"), [(1, 1), (2, 2), (3, 3), (5, 3)])
def test_each_series_is_kept_three_times_at_most(replicas: int, copies: int) -> None:
    given = catalogue({"replicas": replicas})
    flags = services(given)["thanos-receive"]["command"]
    assert f"--receive.replication-factor={copies}" in flags
    (ring,) = json.loads(render(LongTermRenderer(), given)[f"{layout.LONG_TERM}/hashrings.json"])
    assert len(ring["endpoints"]) == replicas
    # Each knows itself by the address that the ring has.
    assert ring["endpoints"][0] == {"address": "thanos-receive:9005"}
    assert "--receive.local-endpoint=thanos-receive:9005" in flags


def test_nothing_secret_is_written() -> None:
    assert configured(catalogue(), "bucket.yml") == {
        "type": "S3",
        "prefix": "thanos",
        "config": {
            "bucket": "metrics", "endpoint": "s3:9000", "region": "us-east-1", "aws_sdk_auth": True, "insecure": True,
            "bucket_lookup_type": "path",
        },
    }  # fmt: skip


def test_query_leaves_out_by_whom_a_series_was_kept_and_sent() -> None:
    def left_out(given: Catalogue) -> set[str]:
        flags = services(given)["thanos-query"]["command"]
        return {flag.partition("=")[2] for flag in flags if flag.startswith("--query.replica-label")}

    own = {"thanos_replica", "thanos_tenant"}
    assert left_out(catalogue()) == own
    assert left_out(catalogue(high_availability={"replica_label": "member"})) == own | {"member"}


@pytest.mark.parametrize(
    ("retention", "raw", "thinned"),
    [({}, "90d", "90d"), ({"object_store": "30d", "archive": "7y"}, "30d", "7y")],
)
def test_samples_are_thinned_out_for_the_archive(retention: dict[str, str], raw: str, thinned: str) -> None:
    given = services(catalogue({"retention": retention}))
    flags = given["thanos-compact"]["command"]
    assert f"--retention.resolution-raw={raw}" in flags
    assert {f"--retention.resolution-{each}={thinned}" for each in ("5m", "1h")} <= set(flags)
    assert "--query.auto-downsampling" in given["thanos-query"]["command"]


def test_a_team_may_have_what_its_budgets_say_however_many_have_it() -> None:
    given = catalogue({"replicas": 3}, high_availability={})
    write = configured(given, "limits.yml")["write"]
    assert write["tenants"] == {team: {"head_series_limit": limits(given, team).series} for team in tenants(given)}
    assert write["global"]["meta_monitoring_url"] == "http://thanos-query:9009"
    assert write["global"]["meta_monitoring_limit_query"].endswith(" / 6")


def test_the_ruler_tells_every_alertmanager_what_prometheus_would() -> None:
    given = catalogue(high_availability={}, external_labels={"site": 'l"d4'})
    told = configured(given, "alertmanagers.yml")["alertmanagers"]
    names = ("alertmanager", "alertmanager-b", "alertmanager-c")
    assert [each["static_configs"] for each in told] == [[f"{name}:9093"] for name in names]
    flags = services(given)["thanos-rule"]["command"]
    assert '--label=site="l\\"d4"' in flags
    assert "--alert.label-drop=thanos_replica" in flags
    assert "--rule-file=/etc/long-term/rules/*.yml" in flags


def test_prometheus_writes_as_a_team_and_scrapes_every_process() -> None:
    given = catalogue({"replicas": 2})
    document = yaml.safe_load(render(PrometheusRenderer(), given)[f"{layout.PROMETHEUS}/prometheus.yml"])
    first = document["remote_write"][0]
    assert first["url"] == "http://long-term-write:9008/api/v1/receive"
    assert list(first["headers"]) == ["THANOS-TENANT"]
    (job,) = [each for each in document["scrape_configs"] if each["job_name"] == "thanos"]
    assert len(job["static_configs"][0]["targets"]) == 6
    assert any("http://long-term:9009" in text for text in render(GrafanaRenderer(), given).values())


def test_an_engine_of_somebody_elses_is_not_started() -> None:
    given = catalogue({"address": "thanos.example.com:443", "object_store": None})
    assert not services(given)
    assert not any("bucket.yml" in path for path in render(LongTermRenderer(), given))
