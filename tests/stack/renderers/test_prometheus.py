"""prometheus.yml and the files of targets."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render, varied, write
from support.samples import large, load_sample
from support.servers import Server, start_prometheus
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.catalogue import Catalogue, load_text
from tapewatch.proving.promtool import Promtool
from tapewatch.renderers.flags import prometheus_flags
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import compose, native

CONFIG = f"{layout.PROMETHEUS}/prometheus.yml"


def files_for(catalogue: Catalogue) -> dict[str, str]:
    return render(PrometheusRenderer(), catalogue)


def configuration(catalogue: Catalogue) -> Any:
    return yaml.safe_load(files_for(catalogue)[CONFIG])


def jobs(catalogue: Catalogue) -> dict[str, Any]:
    return {job["job_name"]: job for job in configuration(catalogue)["scrape_configs"]}


def targets(catalogue: Catalogue, job: str = "services") -> list[Any]:
    return list(yaml.safe_load(files_for(catalogue)[f"{layout.TARGETS}/{job}.yml"]))


def odd_ones(data: dict[str, Any]) -> None:
    """A service for each way to be scraped, and everything that leaves Prometheus."""
    data["services"].update(
        {
            "vault": {
                "address": "vault:8443",
                "scrape": {
                    "scheme": "https",
                    "tls": {"ca_file": "ca.pem", "server_name": "vault.internal"},
                    "credentials": {"type": "basic", "username": "prometheus", "password_file": "password"},
                },
            },
            "ledger": {
                "address": "ledger:9443",
                "scrape": {"scheme": "https", "credentials": {"credentials_file": "token"}},
            },
            "slow": {
                "addresses": ["slow-a:9400", "slow-b:9400"],
                "scrape": {"interval": "30s", "path": "/internal/metrics"},
            },
            "by-dns": {"discovery": {"dns": {"names": ["by-dns.internal"], "type": "A", "port": 9500}}},
            "by-srv": {"discovery": {"dns": {"names": ["_metrics._tcp.internal"]}}, "labels": {"price": "1$ off"}},
            "by-file": {"discovery": {"file": {"files": ["elsewhere/*.json"]}}},
            "by-http": {"discovery": {"http": {"url": "http://registry:8500/targets"}}},
        }
    )
    data["services"]["market-data"]["labels"] = {"zone": "eu-1", "cluster": "blue"}
    data["stack"]["external_labels"] = {"region": "$HOME of trading"}
    data["stack"]["remote_write"] = [
        {
            "name": "mimir",
            "url": "https://mimir.example/api/v1/push",
            "username": "17",
            "password_file": "/run/secrets/mimir",
            "headers": {"X-Scope-OrgID": "trading"},
            "keep": [{"label": "service", "regex": "risk-.+|api"}, {"label": "team", "regex": "risk"}],
            "drop": [{"regex": "go_.*"}],
            "sample_age_limit": "2h",
        },
        {
            "name": "thanos",
            "url": "https://thanos.example:19291/api/v1/receive",
            "tls": {"ca_file": "/run/secrets/ca", "server_name": "receive"},
            "retry_on_429": False,
            "send_exemplars": False,
            "max_backoff": "30s",
        },
        {"name": "cloud", "url": "https://cloud.example/push", "credentials_file": "/run/secrets/cloud"},
    ]


def checked_by_promtool(folder: Path, version: str) -> None:
    assert Promtool.find(version).check_config(folder / CONFIG) == ()


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("3.13", marks=pytest.mark.needs("promtool-3.13")),
        pytest.param("3.5", marks=pytest.mark.needs("promtool-3.5")),
    ],
)
def test_promtool_accepts_the_sample_and_every_odd_service(tmp_path: Path, version: str) -> None:
    checked_by_promtool(write(files_for(load_sample()), tmp_path / "sample"), version)
    checked_by_promtool(write(files_for(varied(odd_ones)), tmp_path / "odd"), version)


def test_every_scraped_service_is_a_target_with_its_labels() -> None:
    groups = {group["labels"]["service"]: group for group in targets(load_sample())}
    assert sorted(groups) == [
        "execution-engine", "live-trading", "market-data", "position-tracker", "risk-manager", "signal-bridge",
    ]  # fmt: skip
    assert [group["labels"]["service"] for group in targets(load_sample(), "services-bearer")] == ["api"]
    assert groups["risk-manager"] == {
        "targets": ["risk-manager:9093"],
        "labels": {"environment": "local", "service": "risk-manager", "team": "risk"},
    }


def test_the_history_is_scraped_with_its_key_where_it_wants_one() -> None:
    job = jobs(load_sample())["services-bearer"]
    assert job["authorization"]["credentials_file"] == "/run/tapewatch/history/api-key"

    here = render(PrometheusRenderer(native), load_sample())
    assert "services-bearer" not in here[CONFIG]
    assert "api:8000" in here[f"{layout.TARGETS}/services.yml"]


def test_a_service_with_credentials_of_its_own_keeps_them() -> None:
    def own(data: dict[str, Any]) -> None:
        data["services"]["api"]["scrape"] = {"credentials": {"credentials_file": "own"}}

    assert jobs(varied(own))["services-bearer"]["authorization"]["credentials_file"] == "own"


def test_a_pushed_service_has_no_target() -> None:
    assert not any("capture-pipeline" in text for text in files_for(load_sample()).values())


def test_a_new_service_changes_its_file_of_targets_alone() -> None:
    before = files_for(load_sample())
    after = files_for(varied(lambda data: data["services"].update({"newcomer": {"address": "newcomer:9200"}})))
    changed = [path for path in after if after[path] != before.get(path)]
    assert changed == [f"{layout.TARGETS}/services.yml"]
    assert after.keys() == before.keys()


def test_labels_of_its_own_and_all_addresses_reach_the_targets() -> None:
    catalogue = varied(odd_ones)
    labels = next(group["labels"] for group in targets(catalogue) if group["labels"]["service"] == "market-data")
    assert (labels["zone"], labels["cluster"]) == ("eu-1", "blue")
    slow = targets(catalogue, "services-internal-metrics-every-30s")
    assert [group["targets"] for group in slow] == [["slow-a:9400", "slow-b:9400"]]


def test_each_scrape_profile_has_one_job_with_a_name_that_says_what_differs() -> None:
    profiles = {name: job for name, job in jobs(varied(odd_ones)).items() if name.startswith("services")}
    assert list(profiles) == [
        "services",
        "services-bearer",
        "services-https-bearer",
        "services-https-tls-basic-prometheus",
        "services-internal-metrics-every-30s",
    ]
    assert profiles["services-https-tls-basic-prometheus"]["basic_auth"] == {
        "username": "prometheus",
        "password_file": "password",
    }
    assert profiles["services-https-tls-basic-prometheus"]["tls_config"] == {
        "ca_file": "ca.pem",
        "server_name": "vault.internal",
    }
    assert profiles["services-https-bearer"]["authorization"]["credentials_file"] == "token"
    assert profiles["services-internal-metrics-every-30s"]["scrape_interval"] == "30s"


def test_profiles_whose_words_are_the_same_stay_apart() -> None:
    def change(data: dict[str, Any]) -> None:
        for name, file in (("one", "a.pem"), ("two", "b.pem")):
            scrape = {"scheme": "https", "tls": {"ca_file": file}}
            data["services"][name] = {"address": f"{name}:8443", "scrape": scrape}

    names = [name for name in jobs(varied(change)) if name.startswith("services-https")]
    assert len(names) == 2
    assert all(name.startswith("services-https-tls-") for name in names)


def test_discovered_services_get_the_same_labels_by_relabelling() -> None:
    discovered = jobs(varied(odd_ones))
    assert discovered["service-by-dns"]["dns_sd_configs"][0]["port"] == 9500
    assert discovered["service-by-srv"]["dns_sd_configs"][0]["type"] == "SRV"
    assert discovered["service-by-file"]["file_sd_configs"][0]["files"] == ["elsewhere/*.json"]
    assert discovered["service-by-http"]["http_sd_configs"][0]["url"] == "http://registry:8500/targets"
    assert {"target_label": "service", "replacement": "by-http"} in discovered["service-by-http"]["relabel_configs"]
    assert {"target_label": "price", "replacement": "1$$ off"} in discovered["service-by-srv"]["relabel_configs"]


def test_every_part_of_the_stack_is_watched_with_the_labels_that_rules_go_by() -> None:
    own = [job for job in jobs(load_sample()).values() if "static_configs" in job]
    assert {job["job_name"] for job in own} == {
        "alertmanager", "blackbox-exporter", "grafana", "jaeger", "loki", "node-exporter", "prometheus", "span-metrics",
    }  # fmt: skip
    for job in own:
        assert job["static_configs"][0]["labels"].keys() == {"environment", "service", "team"}


def test_samples_that_leave_sign_in_by_file_and_drop_what_they_should() -> None:
    mimir, thanos, cloud = configuration(varied(odd_ones))["remote_write"]
    assert mimir["basic_auth"] == {"username": "17", "password_file": "/run/secrets/mimir"}
    assert mimir["headers"] == {"X-Scope-OrgID": "trading"}
    assert mimir["write_relabel_configs"] == [
        {"source_labels": ["service"], "regex": "risk-.+|api", "action": "keep"},
        {"source_labels": ["team"], "regex": "risk", "action": "keep"},
        {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
    ]
    assert thanos["tls_config"] == {"ca_file": "/run/secrets/ca", "server_name": "receive"}
    assert thanos["send_exemplars"] is False
    assert cloud["authorization"] == {"credentials_file": "/run/secrets/cloud"}
    assert "write_relabel_configs" not in cloud


def test_what_waits_for_a_remote_end_is_written_out_so_that_every_prometheus_holds_as_much() -> None:
    mimir, thanos, cloud = (remote["queue_config"] for remote in configuration(varied(odd_ones))["remote_write"])
    assert cloud == {
        "capacity": 10000, "max_shards": 10, "max_samples_per_send": 2000, "batch_send_deadline": "5s",
        "min_backoff": "30ms", "max_backoff": "5s", "retry_on_http_429": True,
    }  # fmt: skip
    assert mimir == {**cloud, "sample_age_limit": "2h"}
    assert thanos == {**cloud, "retry_on_http_429": False, "max_backoff": "30s"}


def test_a_prometheus_that_ends_does_not_wait_longer_for_a_remote_end_than_compose_for_it() -> None:
    def flags(catalogue: Catalogue) -> list[str]:
        return [flag for flag in prometheus_flags(catalogue, compose(catalogue.stack.ports)) if "flush" in flag]

    assert flags(load_sample()) == []
    assert flags(varied(odd_ones)) == ["--storage.remote.flush-deadline=5s"]


def test_the_order_of_services_in_the_catalogue_changes_no_byte() -> None:
    def turn_round(data: dict[str, Any]) -> None:
        odd_ones(data)
        data["services"] = dict(reversed(data["services"].items()))

    assert files_for(varied(turn_round)) == files_for(varied(odd_ones))


def test_ten_thousand_services_render_in_seconds_and_into_one_job() -> None:
    catalogue = load_text(large(10_000)).catalogue
    start = time.process_time()
    files = files_for(catalogue)
    took = time.process_time() - start
    assert took < 6, f"rendering took {took:.1f} s of processor time"
    assert files.keys() == files_for(varied(lambda data: data["services"].pop("api"))).keys()
    assert files[f"{layout.TARGETS}/services.yml"].count("- targets:") == 10_000


def send_otlp(server: Server, metric: str) -> None:
    point = {"asDouble": 7, "timeUnixNano": str(time.time_ns())}
    attributes = [
        {"key": key, "value": {"stringValue": value}}
        for key, value in {"service": "capture-pipeline", "team": "data", "environment": "local"}.items()
    ]
    metrics = [{"name": metric, "unit": "s", "gauge": {"dataPoints": [point]}}]
    body = {"resourceMetrics": [{"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": metrics}]}]}
    server.post("/api/v1/otlp/v1/metrics", body)


def query(server: Server, expression: str) -> Any:
    answer = server.get_json(f"/api/v1/query?query={urllib.parse.quote(expression)}")
    return [sample["metric"] for sample in answer["data"]["result"]]


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("3.13", marks=pytest.mark.needs("prometheus-3.13")),
        pytest.param("3.5", marks=pytest.mark.needs("prometheus-3.5")),
    ],
)
def test_a_real_prometheus_takes_a_new_target_without_reload_and_labels_it(tmp_path: Path, version: str) -> None:
    folder = write(files_for(varied(lambda data: data["stack"].update(external_labels={"region": "5$ eu"}))), tmp_path)
    with start_prometheus(folder / CONFIG, tmp_path, version=version) as server:
        # The server scrapes itself in place of a service.
        own = [{"targets": [f"127.0.0.1:{server.port}"], "labels": {"service": "market-data", "team": "data"}}]
        new = folder / layout.TARGETS / "services.new"
        new.write_text(json.dumps(own), encoding="utf-8")
        new.rename(folder / layout.TARGETS / "services.yml")
        found = wait_for(
            "the new target is scraped", lambda: query(server, 'up{service="market-data"} == 1'), log=server.log_tail
        )
        assert (found[0]["team"], found[0]["job"]) == ("data", "services")
        config = yaml.safe_load(server.get_json("/api/v1/status/config")["data"]["yaml"])
        assert config["global"]["external_labels"] == {"region": "5$ eu"}


@pytest.mark.needs("prometheus-3.13")  # Debian builds its 3.5 without the OTLP receiver
def test_pushed_metrics_keep_their_names_byte_for_byte_and_get_the_services_labels(tmp_path: Path) -> None:
    folder = write(files_for(load_sample()), tmp_path)
    with start_prometheus(folder / CONFIG, tmp_path, "--web.enable-otlp-receiver") as server:
        send_otlp(server, "ml_predict__time_of_day")  # a unit and two underscores: what translation likes to change
        found = wait_for("the push is there", lambda: query(server, "ml_predict__time_of_day"), log=server.log_tail)
    wanted = {"service": "capture-pipeline", "team": "data", "environment": "local"}
    assert {key: found[0][key] for key in wanted} == wanted
