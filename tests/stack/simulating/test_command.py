"""The command that stands in for the services: what it answers, what it says, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from sdk.exporters.backend import Backend
from support.servers import Server
from support.simulated import NOWHERE, SCRAPED, Sample
from support.waiting import wait_for
from tapewatch.simulating.meters import SIMULATED

Simulate = Callable[..., Server]

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def get(url: str, accept: str = "*/*") -> tuple[str, str]:
    """Body and content type of an answer."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def lines(server: Server, message: str) -> list[dict[str, Any]]:
    """The JSON log lines with this message."""
    found = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    return [each for each in found if each["message"] == message]


def two(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """They, when there are two."""
    return found if len(found) == 2 else []


def run(sample: Sample, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, when it is expected to end by itself."""
    return subprocess.run(
        sample.command(*arguments), env={**os.environ, **sample.environ, "COLUMNS": "200"}, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip


def test_each_service_answers_with_its_families_in_both_formats(sample: Sample, simulate: Simulate) -> None:
    simulate(f"--push-url={NOWHERE}")
    catalogue = sample.load().catalogue

    for name in SCRAPED:
        text, kind = get(sample.url(name, "/metrics"))
        assert kind.startswith("text/plain; version=0.0.4")
        types = {family.name: family.type for family in read_text(text)}
        assert types.pop(SIMULATED) == "gauge"
        families = [family for family in catalogue.families.values() if family.domain in catalogue.emits[name]]
        assert types == {
            family.name.removesuffix("_total") if family.type == "counter" else family.name: str(family.type)
            for family in families
        }
        text, kind = get(sample.url(name, "/metrics"), OPENMETRICS)
        assert kind.startswith("application/openmetrics-text")
        found = {family.name: family.type for family in read_openmetrics(text)}  # type: ignore[no-untyped-call]
        assert found == {**types, SIMULATED: "gauge"}


def ready_of(sample: Sample, service: str) -> str:
    """What a service says about being ready, once it is."""
    return get(sample.url(service, "/ready"))[0]


def test_each_service_says_that_it_is_alive_and_can_work(sample: Sample, simulate: Simulate) -> None:
    simulate(f"--push-url={NOWHERE}")

    for name in SCRAPED:
        ready = wait_for(f"{name} is ready", partial(ready_of, sample, name), 30)
        assert json.loads(ready) == {"status": "ready", "service": name}
        assert json.loads(get(sample.url(name, "/health"))[0]) == {"status": "ok", "service": name}


def test_what_is_not_there_is_not_found(simulate: Simulate) -> None:
    api = simulate(f"--push-url={NOWHERE}")

    with pytest.raises(OSError, match="404 from /nothing"):
        api.get("/nothing")
    with pytest.raises(OSError, match="404 from /metrics"):
        api.post("/metrics", {})


def test_only_the_services_that_are_asked_for_run(sample: Sample, simulate: Simulate) -> None:
    simulate("--service=market-data", "--service=api")

    wait_for("market-data answers", lambda: get(sample.url("market-data", "/health")), 30)
    with pytest.raises(OSError, match="refused"):
        get(sample.url("risk-manager", "/health"))


def test_a_delivered_alert_is_a_line(simulate: Simulate) -> None:
    api = simulate(f"--push-url={NOWHERE}")
    labels = {"alertname": "ServiceDown", "service": "api", "severity": "critical"}
    alerts = [{"status": status, "labels": labels} for status in ("firing", "resolved")]

    api.post("/api/alerts/webhook", {"receiver": "platform-pager", "alerts": alerts})

    told = wait_for("both alerts are told", lambda: two(lines(api, "alert")), 10, api.log_tail)
    assert [(each["receiver"], each["status"], each["alert"]) for each in told] == [
        ("platform-pager", "firing", "ServiceDown"), ("platform-pager", "resolved", "ServiceDown"),
    ]  # fmt: skip
    assert told[0]["labels"] == labels
    assert told[0]["service"] == "api"


@pytest.mark.parametrize("body", [{}, {"alerts": [{}]}, [], "text", {"receiver": "a", "alerts": [1]}])
def test_a_message_that_is_none_of_alertmanagers_is_refused_and_harms_nothing(simulate: Simulate, body: object) -> None:
    api = simulate(f"--push-url={NOWHERE}")

    with pytest.raises(OSError, match="400 from /api/alerts/webhook"):
        api.post("/api/alerts/webhook", body)
    assert api.get("/ready")
    assert "Traceback" not in api.log_tail()


def test_only_the_history_takes_alerts(simulate: Simulate) -> None:
    market_data = simulate(f"--push-url={NOWHERE}", service="market-data")

    with pytest.raises(OSError, match="404 from /api/alerts/webhook"):
        market_data.post("/api/alerts/webhook", {"receiver": "a", "alerts": []})


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_although_a_push_and_a_client_hang(sample: Sample, how: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        command = sample.command(f"--push-url=http://127.0.0.1:{deaf.getsockname()[1]}")
        process = subprocess.Popen(
            command, env={**os.environ, **sample.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_for("it listens", lambda: get(sample.url("api", "/ready")), 30)
        with socket.create_connection(("127.0.0.1", sample.ports["api"])) as client:
            client.sendall(b"GET /metr")
            process.send_signal(how)
            _, errors = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "Traceback" not in errors


def test_ports_that_are_taken_are_named_with_their_services_and_none_is_kept(sample: Sample) -> None:
    with (
        socket.create_server(("127.0.0.1", sample.ports["risk-manager"])),
        socket.create_server(("127.0.0.1", sample.ports["api"])),
    ):
        done = run(sample)

    assert done.returncode == 2
    assert done.stderr.count("error[simulate/port-taken]") == 2
    for name in ("risk-manager", "api"):
        port = sample.ports[name]
        assert f"port {port} of `{name}` on 127.0.0.1 is taken\n" in done.stderr
        assert f"ss -ltnp 'sport = :{port}'" in done.stderr
        assert f"(services.{name}.address)" in done.stderr


def test_two_services_that_want_one_port_are_both_named(sample: Sample) -> None:
    catalogue = sample.folder / "catalogue.yaml"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(
        text.replace("${API_ADDRESS:-api:8000}", f"elsewhere:{sample.ports['market-data']}"), encoding="utf-8"
    )

    done = run(sample)

    assert done.returncode == 2
    assert f"port {sample.ports['market-data']} of `api` on 127.0.0.1 is taken by `market-data`" in done.stderr


def test_an_address_that_is_not_this_machines_is_told(sample: Sample) -> None:
    done = run(sample, "--listen=192.0.2.1", "--service=api")

    assert done.returncode == 2
    assert "error[simulate/cannot-listen]" in done.stderr
    assert f"`api` cannot listen on 192.0.2.1:{sample.ports['api']}" in done.stderr


def test_a_service_that_does_not_exist_is_told_with_the_nearest_one(sample: Sample) -> None:
    done = run(sample, "--service=market-dat")

    assert done.returncode == 2
    assert "no service is called market-dat; did you mean market-data?" in done.stderr


def test_a_push_url_that_is_none_is_told(sample: Sample) -> None:
    done = run(sample, "--push-url=prometheus:9090")

    assert done.returncode == 2
    assert "--push-url prometheus:9090 is no http:// or https:// URL" in done.stderr


def test_a_dead_push_end_costs_one_line_until_it_lives(simulate: Simulate) -> None:
    with Backend() as receiver:
        receiver.status = 503
        base = receiver.otlp.removesuffix("/v1/metrics")
        api = simulate(f"--push-url={base}", f"--push-url={receiver.write}", "--push-url=http://127.0.0.1:1/otlp")
        wait_for("three pushes were tried", lambda: len(receiver.statuses) >= 6, 30, api.log_tail)
        receiver.status = 200
        wait_for("both arrive", lambda: api.log().count("pushes arrive") == 2, 30, api.log_tail)

    said = [line for line in api.log().splitlines() if line.startswith("capture-pipeline")]
    for url in (receiver.otlp, receiver.write):
        assert [line for line in said if url in line] == [
            f"capture-pipeline: cannot push to {url}, and goes on trying: 503",
            f"capture-pipeline: pushes arrive at {url}",
        ]
    assert len([line for line in said if ":1/otlp" in line]) == 1
