"""A real API server takes every object as it is, and the real operator makes of them what the other renderings say.

No pod runs: there is neither kubelet nor scheduler. Prometheus's and Alertmanager's configurations, which the operator
wrote, are used outside of the cluster.
"""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from support.beyond import SECRETS, objects, rendered, rich
from support.kubernetes import Answer, Cluster, start_cluster, start_operator
from support.meaning import differences, read_files, read_operated
from support.rendering import varied
from support.servers import Server, start_alertmanager
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch.servers import find

pytestmark = pytest.mark.needs("kube-apiserver", "etcd", "operator", "promtool", "alertmanager")

NAMESPACE = "monitoring"

Object = dict[str, Any]


class Taken(NamedTuple):
    """The cluster after everything was applied once, and again, with the operator beside it."""

    cluster: Cluster
    project: Path
    objects: dict[str, Object]
    first: dict[str, Answer]
    second: dict[str, Answer]
    operator: Server
    receiver: WebhookReceiver


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    folder = tmp_path_factory.mktemp("kubernetes")
    with WebhookReceiver() as receiver, start_cluster(folder) as cluster:
        project = rendered(folder / "project", rich(receiver.url))
        found = objects(project)
        first = {path: cluster.apply(each) for path, each in found.items()}
        second = {path: cluster.apply(each) for path, each in found.items()}
        cluster.apply(_secret())
        with start_operator(cluster, folder, NAMESPACE) as operator:
            yield Taken(cluster, project, found, first, second, operator, receiver)


def _secret() -> Object:
    """The Secret that the user makes; here each value is its own name, so that it is known again."""
    data = {name: base64.b64encode(name.encode()).decode() for name in (*SECRETS, "history-api-key")}
    for name, text in _certificate().items():
        data[name] = base64.b64encode(text.encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "tapewatch", "namespace": NAMESPACE},
        "data": data,
    }


def _certificate() -> dict[str, str]:
    """The operator looks whether a certificate is one."""
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=edge", "-days", "2", "-keyout", "-", "-out", "-"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    start = done.stdout.index("-----BEGIN CERTIFICATE")
    return {"key": done.stdout[:start], "certificate": done.stdout[start:], "ca": done.stdout[start:]}


def test_every_object_is_taken_without_a_warning(taken: Taken) -> None:
    kinds = {each["kind"] for each in taken.objects.values()}

    assert kinds >= {"Prometheus", "Alertmanager", "ScrapeConfig", "PrometheusRule", "NetworkPolicy", "ConfigMap"}
    assert {path: answer.warnings for path, answer in taken.first.items() if answer.warnings} == {}


def test_an_object_with_a_key_that_nobody_knows_is_refused(taken: Taken) -> None:
    path, found = next(item for item in taken.objects.items() if item[1]["kind"] == "ScrapeConfig")
    spoilt = {**found, "spec": {**found["spec"], "scrapeEvery": "5s"}}

    with pytest.raises(OSError, match="scrapeEvery"):
        taken.cluster.apply(spoilt, dry_run=True)
    assert path


def test_the_second_time_nothing_changes(taken: Taken) -> None:
    for path, before in taken.first.items():
        after = taken.second[path].kept
        assert after["metadata"]["resourceVersion"] == before.kept["metadata"]["resourceVersion"], path
        assert after["metadata"]["managedFields"] == before.kept["metadata"]["managedFields"], path


def test_what_is_kept_is_what_the_file_says(taken: Taken) -> None:
    differences = [
        f"{path}{where}"
        for path, answer in taken.first.items()
        for where in _differences(taken.objects[path], answer.kept)
    ]

    assert differences == []


def _differences(ours: Any, kept: Any, where: str = "") -> Iterator[str]:
    """Where what we wrote is not what is kept; what the server adds beside it in a mapping is no matter of ours."""
    if isinstance(ours, dict) and isinstance(kept, dict):
        for key, value in ours.items():
            if key not in kept:
                yield f"{where}.{key} is not kept"
            else:
                yield from _differences(value, kept[key], f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(kept, list) and len(ours) == len(kept):
        for index, (one, other) in enumerate(zip(ours, kept, strict=True)):
            yield from _differences(one, other, f"{where}[{index}]")
    elif ours != kept:
        yield f"{where}: {ours!r} is kept as {kept!r}"


def test_no_list_that_is_replaced_as_a_whole_is_added_to(taken: Taken) -> None:
    """The entries of such a list are compared as they are; those of a keyed one (containers) by what is ours."""
    keyed = ("containers", "ports", "env", "volumes", "volumeMounts", "topologySpreadConstraints")
    added = [
        f"{path}{where}"
        for path, answer in taken.first.items()
        for where in _added(taken.objects[path], answer.kept, "")
        if not any(f".{name}[" in where for name in keyed)
    ]

    assert added == []


def _added(ours: Any, kept: Any, where: str, listed: bool = False) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(kept, dict):
        if listed and set(kept) > set(ours):
            yield f"{where} gets {sorted(set(kept) - set(ours))}"
        for key, value in ours.items():
            if key in kept:
                yield from _added(value, kept[key], f"{where}.{key}", listed)
    elif isinstance(ours, list) and isinstance(kept, list):
        for index, (one, other) in enumerate(zip(ours, kept, strict=False)):
            yield from _added(one, other, f"{where}[{index}]", True)


def test_every_pod_keeps_to_the_standard_restricted(taken: Taken) -> None:
    wait_for("the operator makes both sets of pods", lambda: all(_sets(taken)), 30.0, taken.operator.log_tail)
    templates = {
        each["metadata"]["name"]: each["spec"]["template"]
        for each in (*taken.objects.values(), *filter(None, _sets(taken)))
        if each["kind"] in ("StatefulSet", "Deployment", "DaemonSet")
    }

    assert len(templates) == 8
    for name, template in templates.items():
        asked = taken.cluster.create(_pod(name, template), dry_run=True)
        assert [each for each in asked.warnings if "PodSecurity" in each] == [], name


def test_a_pod_that_would_be_root_is_refused(taken: Taken) -> None:
    template = next(each for each in taken.objects.values() if each["kind"] == "DaemonSet")["spec"]["template"]
    spoilt = json.loads(json.dumps(template))
    spoilt["spec"]["securityContext"].update(runAsNonRoot=False, runAsUser=0)

    with pytest.raises(OSError, match="violates PodSecurity"):
        taken.cluster.create(_pod("root", spoilt), dry_run=True)


def _pod(name: str, template: Object) -> Object:
    """A pod of a template, with nothing in the place of the volumes that a StatefulSet would claim."""
    spec = json.loads(json.dumps(template["spec"]))
    known = {each["name"] for each in spec.get("volumes", [])}
    mounts = [each for key in ("containers", "initContainers") for each in spec.get(key, [])]
    needed = {mount["name"] for each in mounts for mount in each.get("volumeMounts", [])}
    spec.setdefault("volumes", []).extend({"name": each, "emptyDir": {}} for each in sorted(needed - known))
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def _sets(taken: Taken) -> list[Object | None]:
    return [_maybe(taken, name) for name in ("prometheus-tapewatch", "alertmanager-tapewatch")]


def _maybe(taken: Taken, name: str) -> Object | None:
    try:
        return taken.cluster.get("apps/v1", "StatefulSet", name, NAMESPACE)
    except OSError:
        return None


def test_the_operator_refuses_none_of_the_objects(taken: Taken) -> None:
    operated(taken)
    events = taken.cluster.server.ask("GET", f"/api/v1/namespaces/{NAMESPACE}/events")[0]["items"]

    # The API server has events of its own, such as that it takes note of a Service's address once more.
    ours = [each for each in events if each["involvedObject"].get("apiVersion", "").startswith("monitoring.coreos.com")]
    assert [each["message"] for each in ours if each["type"] == "Warning"] == []


def operated(taken: Taken) -> Object:
    """Prometheus's configuration as the operator wrote it, with every job in it."""
    jobs = sum(each["kind"] == "ScrapeConfig" for each in taken.objects.values())

    def look() -> Object | None:
        text = taken.cluster.secret("prometheus-tapewatch", NAMESPACE)["prometheus.yaml.gz"]
        found: Object = yaml.safe_load(gzip.decompress(text))
        return found if len(found.get("scrape_configs", [])) == jobs else None

    return wait_for("the operator writes Prometheus's configuration", look, 30.0, taken.operator.log_tail)


def test_promtool_takes_the_configuration_that_the_operator_wrote(taken: Taken, tmp_path: Path) -> None:
    text = json.dumps(operated(taken)).replace("/etc/prometheus/", f"{tmp_path}/")
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    for name, content in taken.cluster.secret("prometheus-tapewatch-tls-assets-0", NAMESPACE).items():
        (tmp_path / "certs").mkdir(exist_ok=True)
        (tmp_path / "certs" / name).write_bytes(content)
    rules = taken.cluster.get("v1", "ConfigMap", "prometheus-tapewatch-rulefiles-0", NAMESPACE)["data"]
    (tmp_path / "rules/prometheus-tapewatch-rulefiles-0").mkdir(parents=True)
    for name, content in rules.items():
        (tmp_path / "rules/prometheus-tapewatch-rulefiles-0" / name).write_text(content, encoding="utf-8")

    done = subprocess.run(
        [find("promtool").path, "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rule files found" in done.stdout


def test_what_the_operator_wrote_means_what_compose_means(taken: Taken) -> None:
    catalogue = varied(rich(taken.receiver.url))
    written = operated(taken)
    rules = taken.cluster.get("v1", "ConfigMap", "prometheus-tapewatch-rulefiles-0", NAMESPACE)["data"]
    found = read_operated("operator", written, rules, yaml.safe_load(routed(taken)), taken.objects, catalogue)
    compose = read_files("compose", taken.project, catalogue)

    assert len(found.facts["target"]) > 15
    assert differences(compose, found) == []

    written["scrape_configs"][-1]["relabel_configs"].append({"target_label": "namespace", "replacement": NAMESPACE})
    spoilt = read_operated("operator", written, rules, yaml.safe_load(routed(taken)), taken.objects, catalogue)
    (difference,) = differences(compose, spoilt)
    assert "namespace" in difference
    assert "operator/prometheus.yaml: scrape_configs" in difference


def routed(taken: Taken) -> str:
    """Alertmanager's configuration as the operator wrote it."""

    def look() -> bytes:
        return taken.cluster.secret("alertmanager-tapewatch-generated", NAMESPACE)["alertmanager.yaml.gz"]

    return gzip.decompress(
        wait_for("the operator writes Alertmanager's configuration", look, 30.0, taken.operator.log_tail)
    ).decode()


def test_an_alert_reaches_its_receiver_by_the_configuration_that_the_operator_wrote(
    taken: Taken, tmp_path: Path
) -> None:
    text = routed(taken)
    labels = {"alertname": "KillSwitchActivated", "severity": "critical", "service": "risk-manager", "team": "risk",
              "environment": "local", "domain": "risk"}  # fmt: skip
    with start_alertmanager(text, tmp_path) as alertmanager:
        alertmanager.post("/api/v2/alerts", [{"labels": labels, "annotations": {"summary": "halted"}}])
        payload = taken.receiver.wait_for("it is told", lambda payload: payload["receiver"] == "risk-pager", 30.0)

    assert [alert["labels"] for alert in payload["alerts"]] == [labels]
