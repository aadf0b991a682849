"""What runs more than once: one file of configuration, and command lines that find each other."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.rendering import render, varied
from support.samples import load_sample
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.flags import alertmanager_flags, prometheus_flags
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.members import members
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native


@pytest.fixture
def catalogue() -> Catalogue:
    return varied(lambda data: data["stack"].update(high_availability={}))


def prometheus(catalogue: Catalogue) -> dict[str, Any]:
    files = render(PrometheusRenderer(), catalogue)
    return dict(yaml.safe_load(files[f"{layout.PROMETHEUS}/prometheus.yml"]))


def composed(catalogue: Catalogue) -> dict[str, Any]:
    return dict(yaml.safe_load(render(ComposeRenderer(), catalogue)[layout.COMPOSE]))


def test_the_pair_differs_in_the_replica_alone_and_no_alert_says_it(catalogue: Catalogue) -> None:
    found = prometheus(catalogue)

    assert found["global"]["external_labels"] == {"replica": "${TAPEWATCH_REPLICA}"}
    assert found["alerting"]["alert_relabel_configs"] == [{"action": "labeldrop", "regex": "replica"}]
    services = composed(catalogue)["services"]
    first, second = services["prometheus"], services["prometheus-b"]
    assert [each["environment"]["TAPEWATCH_REPLICA"] for each in (first, second)] == ["a", "b"]
    assert first["volumes"][0] == second["volumes"][0]  # the same files


def test_every_prometheus_tells_every_alertmanager(catalogue: Catalogue) -> None:
    (group,) = prometheus(catalogue)["alerting"]["alertmanagers"]

    assert group["static_configs"] == [{"targets": ["alertmanager:9093", "alertmanager-b:9093", "alertmanager-c:9093"]}]


def test_every_member_is_scraped(catalogue: Catalogue) -> None:
    files = render(PrometheusRenderer(), catalogue)
    jobs = {job["job_name"]: job for job in prometheus(catalogue)["scrape_configs"]}

    assert jobs["prometheus"]["static_configs"][0]["targets"] == ["prometheus:9090", "prometheus-b:9090"]
    assert len(jobs["alertmanager"]["static_configs"][0]["targets"]) == 3
    groups = yaml.safe_load(files[f"{layout.TARGETS}/services-bearer.yml"])
    assert [group["targets"] for group in groups] == [["api:8000", "api-b:8000"]]


def test_each_history_is_told_of_every_alert_with_its_key(catalogue: Catalogue) -> None:
    text = render(AlertmanagerRenderer(), catalogue)[f"{layout.ALERTMANAGER}/alertmanager.yml"]
    (history,) = [each for each in yaml.safe_load(text)["receivers"] if "history" in each["name"]]

    assert [hook["url"] for hook in history["webhook_configs"]] == [
        "http://api:8000/api/alerts/webhook",
        "http://api-b:8000/api/alerts/webhook",
    ]
    assert all("http_config" in hook for hook in history["webhook_configs"])


def test_the_alertmanagers_find_each_other_wherever_they_run(catalogue: Catalogue) -> None:
    where = native(catalogue.stack.ports)
    for number, member in enumerate(members(catalogue.stack, "alertmanager")):
        flags = alertmanager_flags(catalogue, where, member)
        ports = [19094, 19194, 19294]
        assert f"--cluster.listen-address=127.0.0.1:{ports.pop(number)}" in flags
        assert [flag for flag in flags if "peer=" in flag] == [f"--cluster.peer=127.0.0.1:{port}" for port in ports]
        assert f"--web.listen-address=127.0.0.1:{19093 + 100 * number}" in flags
        assert "--cluster.peer-timeout=3s" in flags
    command = composed(catalogue)["services"]["alertmanager-b"]["command"]
    assert [flag for flag in command if "peer=" in flag] == [
        "--cluster.peer=alertmanager:19094",
        "--cluster.peer=alertmanager-c:19094",
    ]


def test_natively_no_two_members_share_data_or_a_port(catalogue: Catalogue) -> None:
    where = native(catalogue.stack.ports)
    flags = [prometheus_flags(catalogue, where, each) for each in members(catalogue.stack, "prometheus")]

    for name in ("--storage.tsdb.path", "--web.listen-address", "--web.external-url"):
        assert len({flag for each in flags for flag in each if flag.startswith(name)}) == 2


def test_all_but_the_first_belong_to_the_profile_and_have_volumes_and_ports_of_their_own(catalogue: Catalogue) -> None:
    whole, alone = composed(catalogue), composed(load_sample())
    more = {"prometheus-b", "alertmanager-b", "alertmanager-c", "api-b"}

    assert whole["services"].keys() - alone["services"].keys() == more
    assert {name for name, part in whole["services"].items() if part.get("profiles") == ["ha"]} == more
    ports = [port.rpartition(":")[0] for part in whole["services"].values() for port in part.get("ports", [])]
    assert len(ports) == len(set(ports))
    assert whole["services"]["api-b"]["ports"] == ["127.0.0.1:8100:8000"]
    data = [each for name in ("prometheus", "alertmanager", "history") for each in whole["volumes"] if name in each]
    assert {"prometheus-b", "alertmanager-b", "alertmanager-c", "history-b"} <= set(data)
    assert "chown 10001:10001 /history /history-b" in whole["services"]["prepare"]["entrypoint"][2]


def test_what_is_pushed_is_pushed_to_both(catalogue: Catalogue) -> None:
    command = composed(catalogue)["services"]["platform"]["command"]

    assert [word for word in command if "otlp" in word] == [
        "http://prometheus:9090/api/v1/otlp",
        "http://prometheus-b:9090/api/v1/otlp",
    ]


def test_each_history_asks_a_prometheus_of_its_own(catalogue: Catalogue) -> None:
    services = composed(catalogue)["services"]

    assert "http://prometheus:9090" in services["api"]["command"]
    assert "http://prometheus-b:9090" in services["api-b"]["command"]


def test_grafana_can_look_at_each_member(catalogue: Catalogue) -> None:
    text = render(GrafanaRenderer(), catalogue)[f"{layout.GRAFANA}/provisioning/datasources/tapewatch.yml"]
    found = {each["name"]: each for each in yaml.safe_load(text)["datasources"]}

    assert found["Prometheus b"]["url"] == "http://prometheus-b:9090"
    assert found.keys() >= {"Prometheus", "Prometheus b", "Alertmanager b", "Alertmanager c"}
    assert [name for name, each in found.items() if each.get("isDefault")] == ["Prometheus"]
    assert len({each["uid"] for each in found.values()}) == len(found)


def test_folders_of_the_host_take_the_place_of_volumes() -> None:
    data = {"prometheus": ["/disk1/prometheus", "/disk2/prometheus"]}
    found = composed(varied(lambda all_: all_["stack"].update(high_availability={"data": data})))

    assert "/disk2/prometheus:/prometheus" in found["services"]["prometheus-b"]["volumes"]
    assert not [name for name in found["volumes"] if name.startswith("prometheus")]
