"""Compose, native servers and the cluster's objects mean the same; what differs is found, with both places."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from support.beyond import objects, rendered, rich
from support.meaning import Meaning, differences, read_files, read_objects
from support.rendering import varied, write
from tapewatch.catalogue import Catalogue
from tapewatch.project import open_project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native

Data = dict[str, Any]
Objects = dict[str, Data]


class Renderings(NamedTuple):
    """One catalogue in its three forms."""

    catalogue: Catalogue
    compose: Meaning
    native: Meaning
    objects: Objects


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Renderings:
    folder = tmp_path_factory.mktemp("meaning")
    catalogue, project = varied(rich()), rendered(folder / "compose", rich())
    return Renderings(
        catalogue,
        read_files("compose", project, catalogue),
        read_files("native", natively(project, folder / "native"), catalogue),
        objects(project),
    )


def natively(project: Path, folder: Path) -> Path:
    """The same files for servers on one machine's loopback."""
    opened = open_project(project)
    files = {path: text for path, text in opened.render().items() if path.startswith("provisioning/prometheus/rules")}
    for renderer in (PrometheusRenderer(native), AlertmanagerRenderer(native), GrafanaRenderer(native)):
        files.update({file.path: file.text for file in renderer.render(opened.request)})
    return write(files, folder)


def of_objects(three: Renderings, found: Objects) -> Meaning:
    return read_objects("kubernetes", found, three.catalogue)


def test_all_that_the_catalogue_says_is_compared(three: Renderings) -> None:
    counts = {kind: len(facts) for kind, facts in three.compose.facts.items()}
    alerts = {name.partition(": ")[2].split()[0] for name in three.compose.facts["rule"] if ": tapewatch" not in name}

    assert counts["target"] > 15
    assert counts["receiver"] > 7
    assert min(counts.values()) >= 1
    assert len(alerts) > 29


def test_native_servers_mean_what_compose_means(three: Renderings) -> None:
    assert differences(three.compose, three.native) == []


def test_the_objects_of_a_cluster_mean_what_compose_means(three: Renderings) -> None:
    assert differences(three.compose, of_objects(three, three.objects)) == []


def _first(found: Objects, kind: str, name: str) -> Data:
    return next(each for each in found.values() if (each["kind"], each["metadata"]["name"]) == (kind, name))


def _target(found: Objects) -> None:
    _first(found, "ScrapeConfig", "services-own-https-tls-bearer")["spec"]["staticConfigs"][0]["labels"]["team"] = (
        "nobody"
    )


def _no_target(found: Objects) -> None:
    _first(found, "ScrapeConfig", "services-own-https-tls-bearer")["spec"]["staticConfigs"].pop()


def _interval(found: Objects) -> None:
    _first(found, "ScrapeConfig", "services-own-https-tls-bearer")["spec"]["scrapeInterval"] = "7s"


def _secret(found: Objects) -> None:
    _first(found, "ScrapeConfig", "services-own-https-tls-bearer")["spec"]["authorization"]["credentials"]["key"] = "x"


def _discovery(found: Objects) -> None:
    _first(found, "ScrapeConfig", "service-live-trading")["spec"]["dnsSDConfigs"][0]["type"] = "A"


def _label_of_the_cluster(found: Objects) -> None:
    rules = _first(found, "ScrapeConfig", "service-live-trading")["spec"]["relabelings"]
    rules.append({"action": "replace", "targetLabel": "namespace", "replacement": "monitoring"})


def _threshold(found: Objects) -> None:
    rules = _first(found, "PrometheusRule", "risk")["spec"]["groups"][0]["rules"]
    next(each for each in rules if each.get("alert") == "DrawdownHigh")["expr"] += " > 1"


def _no_rule(found: Objects) -> None:
    _first(found, "PrometheusRule", "expected")["spec"]["groups"][0]["rules"].pop()


def _twice(found: Objects) -> None:
    rules = _first(found, "PrometheusRule", "expected")["spec"]["groups"][0]["rules"]
    rules.append(copy.deepcopy(rules[-1]))


def _alertmanager(change: Callable[[Data], object]) -> Callable[[Objects], None]:
    def spoil(found: Objects) -> None:
        data = _first(found, "Secret", "alertmanager-configuration")["data"]
        config = yaml.safe_load(base64.b64decode(data["alertmanager.yaml"]))
        change(config)
        data["alertmanager.yaml"] = base64.b64encode(yaml.safe_dump(config).encode()).decode()

    return spoil


def _source(found: Objects) -> None:
    data = _first(found, "ConfigMap", "grafana-datasources")["data"]
    sources = yaml.safe_load(data["tapewatch.yaml"])
    sources["datasources"][1]["type"] = "elasticsearch"
    data["tapewatch.yaml"] = yaml.safe_dump(sources)


def _dashboard(found: Objects) -> None:
    data = _first(found, "ConfigMap", "dashboard-risk")["data"]
    data["risk.json"] = json.dumps({**json.loads(data["risk.json"]), "title": "Other"})


def _setting(found: Objects) -> None:
    _first(found, "Prometheus", "tapewatch")["spec"]["evaluationInterval"] = "30s"


SPOILT: dict[str, tuple[str, str, Callable[[Objects], object]]] = {
    "a label of a target": ("target", "scrapeconfig/services-own-https-tls-bearer.yaml", _target),
    "a target that is missing": ("target", "scrapeconfig", _no_target),
    "an interval": ("target", "scrapeconfig/services-own-https-tls-bearer.yaml", _interval),
    "a secret": ("target", "scrapeconfig/services-own-https-tls-bearer.yaml", _secret),
    "a discovery": ("target", "scrapeconfig/service-live-trading.yaml", _discovery),
    "a label that the cluster adds": ("target", "scrapeconfig/service-live-trading.yaml", _label_of_the_cluster),
    "an expression": ("rule", "prometheusrule/risk.yaml", _threshold),
    "a rule that is missing": ("rule", "prometheusrule", _no_rule),
    "a rule that is there twice": ("rule", "prometheusrule/expected.yaml", _twice),
    "a receiver": (
        "receiver", "secret/alertmanager-configuration.yaml",
        _alertmanager(lambda config: config["receivers"][2].update(webhook_configs=[{"url": "http://elsewhere/"}])),
    ),
    "a route": (
        "route", "secret/alertmanager-configuration.yaml",
        _alertmanager(lambda config: config["route"]["routes"].pop(3)),
    ),
    "a timing": (
        "route", "secret/alertmanager-configuration.yaml",
        _alertmanager(lambda config: config["route"]["routes"][3].update(group_wait="9m")),
    ),
    "an inhibition": (
        "inhibition", "secret/alertmanager-configuration.yaml",
        _alertmanager(lambda config: config["inhibit_rules"][0].update(equal=["team"])),
    ),
    "a time zone": (
        "time interval", "secret/alertmanager-configuration.yaml",
        _alertmanager(lambda config: config["time_intervals"][0]["time_intervals"][0].update(location="UTC")),
    ),
    "a data source": ("data source", "configmap/grafana-datasources.yaml", _source),
    "a dashboard": ("dashboard", "configmap/dashboard-risk.yaml", _dashboard),
    "a setting": ("setting", "prometheus/tapewatch.yaml", _setting),
}  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_spoilt_is_found_with_both_places(three: Renderings, spoilt: str) -> None:
    kind, file, spoil = SPOILT[spoilt]
    found = copy.deepcopy(three.objects)
    spoil(found)

    told = differences(three.compose, of_objects(three, found))

    assert told
    assert all(each.startswith(f"{kind} ") for each in told), told
    assert any(f"kubernetes/provisioning/kubernetes/{file}" in each for each in told), told
    assert all("compose/provisioning/" in each for each in told), told
