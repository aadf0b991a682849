"""The operator's objects in the form of `prometheus.yml`, as its documentation says what they mean."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from support.meaning._prometheus import PLACE

__all__ = ["rules_of", "scraping_of"]

Data = dict[str, Any]

_FOUND = {
    "staticConfigs": "static_configs",
    "dnsSDConfigs": "dns_sd_configs",
    "httpSDConfigs": "http_sd_configs",
}

_KNOWN = {
    "jobName", "scrapeInterval", "scrapeTimeout", "metricsPath", "fallbackScrapeProtocol", "scheme", "basicAuth",
    "authorization", "tlsConfig", "staticConfigs", "dnsSDConfigs", "httpSDConfigs", "relabelings", "metricRelabelings",
}  # fmt: skip


def rules_of(objects: Mapping[str, Data]) -> Iterator[tuple[str, list[Data]]]:
    """The groups of every PrometheusRule, by its file."""
    for path, each in objects.items():
        if each["kind"] == "PrometheusRule":
            yield path, each["spec"]["groups"]


def scraping_of(objects: Mapping[str, Data], name: str) -> Data:
    """`prometheus.yml` without its rules."""
    spec = next(each["spec"] for each in objects.values() if each["kind"] == "Prometheus")
    told = {
        each["metadata"]["name"]: {key: base64.b64decode(text).decode() for key, text in each["data"].items()}
        for each in objects.values()
        if each["kind"] == "Secret"
    }
    replica = spec["replicaExternalLabelName"]
    return {
        "global": {
            "scrape_interval": spec["scrapeInterval"],
            "scrape_timeout": spec["scrapeTimeout"],
            "evaluation_interval": spec["evaluationInterval"],
            "body_size_limit": spec["bodySizeLimit"],
            "external_labels": {**spec.get("externalLabels", {}), **({replica: "?"} if replica else {})},
        },
        "scrape_configs": [
            _job(f"{name}/{path}", each["spec"], told)
            for path, each in objects.items()
            if each["kind"] == "ScrapeConfig"
        ],
        "storage": {
            "tsdb": {"out_of_order_time_window": spec["tsdb"]["outOfOrderTimeWindow"]},
            "exemplars": {"max_exemplars": spec["exemplars"]["maxSize"]},
        },
        "otlp": _snake(spec["otlp"]),
        "alerting": {
            "alert_relabel_configs": [{"regex": replica}] if replica else [],
            "alertmanagers": yaml.safe_load(told["alertmanagers"]["alertmanagers.yaml"]),
        },
        "remote_write": [_remote(each, told) for each in spec.get("remoteWrite", [])],
    }


def _job(path: str, spec: Data, told: Data) -> Data:
    unknown = set(spec) - _KNOWN
    assert not unknown, f"{path}: the comparison knows nothing of {sorted(unknown)}"
    found: Data = {"job_name": spec["jobName"], PLACE: f"{path}: spec"}
    for key in ("scrapeInterval", "scrapeTimeout", "metricsPath", "fallbackScrapeProtocol"):
        if key in spec:
            found[_snake_word(key)] = spec[key]
    if "scheme" in spec:
        found["scheme"] = spec["scheme"].lower()
    found.update(_sign_in(spec, told))
    if tls := spec.get("tlsConfig"):
        found["tls_config"] = _tls(tls)
    for ours, theirs in _FOUND.items():
        if ours in spec:
            found[theirs] = [each if ours == "staticConfigs" else _snake(each) for each in spec[ours]]
    found["relabel_configs"] = [_snake(each) for each in spec.get("relabelings", [])]
    return found


def _sign_in(spec: Data, told: Data) -> Data:
    found: Data = {}
    if basic := spec.get("basicAuth"):
        user = basic["username"]
        found["basic_auth"] = {"username": told[user["name"]][user["key"]], "password": basic["password"]["key"]}
    if given := spec.get("authorization"):
        found["authorization"] = {"type": given["type"], "credentials": given["credentials"]["key"]}
    return found


def _tls(tls: Data) -> Data:
    found: Data = {f"{key}_file": tls[key]["secret"]["key"] for key in ("ca", "cert") if key in tls}
    if "keySecret" in tls:
        found["key_file"] = tls["keySecret"]["key"]
    if "serverName" in tls:
        found["server_name"] = tls["serverName"]
    if "insecureSkipVerify" in tls:
        found["insecure_skip_verify"] = tls["insecureSkipVerify"]
    return found


def _remote(remote: Data, told: Data) -> Data:
    plain = {key: value for key, value in remote.items() if key not in ("basicAuth", "authorization", "queueConfig")}
    queue = _snake(remote["queueConfig"])
    queue["retry_on_http_429"] = queue.pop("retry_on_rate_limit")
    return {**_snake(plain), "queue_config": queue, **_sign_in(remote, told)}


def _snake(data: Any) -> Any:
    if isinstance(data, dict):
        return {_snake_word(key): _snake(value) for key, value in data.items()}
    return [_snake(each) for each in data] if isinstance(data, list) else data


def _snake_word(word: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[1].lower()}", word)
