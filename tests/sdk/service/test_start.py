"""What one call gives, and what is left of one that fails."""

from __future__ import annotations

import json
import logging
import signal
import socket
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from sdk.events.receiver import Receiver
from sdk.service.conftest import Starting
from sdk.service.program import Program, get, run
from sdk.tracing.otlp_receiver import OtlpReceiver, values
from support.servers import free_port
from support.waiting import wait_for
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import EventType, SpooledSink
from tapewatch_sdk.instruments import MetricsRegistry
from tapewatch_sdk.service import _start
from tapewatch_sdk.tracing import current, span

THREE_LINES = """
from tapewatch_sdk import start_service
service = start_service("risk-manager", port=int(sys.argv[1]), team="risk")
orders = service.registry.counter("orders_total", "Orders sent.", ["symbol"])
"""


def test_three_lines_give_metrics_health_readiness_and_log_lines() -> None:
    port = free_port()
    more = 'orders.inc(labels={"symbol": "BTC-USD"})\nlogging.warning("slow")\nsay("up")\nwhile True: time.sleep(0.02)'
    with Program(THREE_LINES + more, port, env={"ENVIRONMENT": "test"}) as program:
        program.wait_for("up")

        assert 'orders_total{symbol="BTC-USD"} 1.0' in get(f"http://127.0.0.1:{port}/metrics")[1]
        assert get(f"http://127.0.0.1:{port}/health") == (200, '{"status": "ok", "checks": {}}\n')
        status, ready = get(f"http://127.0.0.1:{port}/ready")
        assert (status, list(json.loads(ready)["checks"])) == (200, ["running"])
        program.send(signal.SIGTERM)
        ended = program.end()

    assert [line["message"] for line in ended.logged] == ["service is up", "slow", "service ends"]
    assert {(line["service"], line["environment"]) for line in ended.logged} == {("risk-manager", "test")}
    assert ended.logged[0]["url"] == f"http://127.0.0.1:{port}"


def test_spans_log_lines_and_events_arrive_with_the_same_id_and_name(
    starting: Starting,
    somewhere: Mapping[str, str],
    receiver: OtlpReceiver,
    api: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in somewhere.items():
        monkeypatch.setenv(name, value)
    service = starting(team="risk")

    with span("check limit") as _:
        place = current()
        logging.getLogger("limits").warning("near", extra={"share": 0.9})
    service.events.emit_kill_switch("daily_loss", -12, -10)

    assert service.flush(30) is True
    api.wait_for_ids({event.id for event in service.events.get_recent()})
    (line,) = [record for record in receiver.records if record["body"] == {"stringValue": "near"}]
    sent = receiver.span("check limit")
    assert place is not None
    assert sent["traceId"] == line["traceId"]
    assert sent["resource"]["service"] == line["resource"]["service"] == "risk-manager"
    assert sent["resource"] | {"team": "risk", "environment": "test"} == sent["resource"]
    assert values(line)["share"] == 0.9
    assert [(event["event_type"], event["source"]) for event in api.events] == [
        ("ENGINE_START", "risk-manager"),
        ("KILL_SWITCH_TRIGGERED", "risk-manager"),
    ]


def test_histograms_get_exemplars(starting: Starting, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", receiver.traces_url)
    service = starting()
    histogram = service.registry.histogram("seconds", "Time.")

    with span("check limit"):
        place = current()
        histogram.observe(0.1)

    (exemplar,) = [sample.exemplar for sample in histogram.collect() if sample.exemplar]
    assert place is not None
    assert exemplar.labels == {"trace_id": place.trace_id, "span_id": place.span_id}


def test_a_service_that_is_not_scraped_has_no_port_and_everything_else(starting: Starting) -> None:
    service = starting(port=None)
    seen: list[str] = []
    service.events.subscribe(EventType.ERROR, lambda event: seen.append(event.source))
    service.events.emit_error("no", "testing")

    assert service.flush(30) is True
    assert (service.server, service.url, seen) == (None, "", ["risk-manager"])


def test_checks_are_asked_beside_the_one_of_the_service(starting: Starting) -> None:
    service = starting(health={"loop": lambda: True}, ready={"exchange": lambda: False})

    assert get(f"{service.url}/health")[0] == 200
    status, answer = get(f"{service.url}/ready")
    assert (status, {name: each["status"] for name, each in json.loads(answer)["checks"].items()}) == (
        503,
        {"exchange": "failed", "running": "ok"},
    )


def test_what_became_of_everything_is_a_metric_without_the_registrys_prefix(
    starting: Starting,
    somewhere: Mapping[str, str],
    receiver: OtlpReceiver,
    api: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in somewhere.items():
        monkeypatch.setenv(name, value)
    registry = MetricsRegistry("live_trading", strict=True)
    service = starting(registry=registry)
    with span("one"):
        pass
    service.events.publish("no event")  # type: ignore[arg-type]
    assert service.flush(30)
    api.wait_for_ids({event.id for event in service.events.get_recent()})

    def counted(text: str) -> bool:
        return text in get(f"{service.url}/metrics")[1]

    name = "tapewatch_sdk_telemetry"
    for line in (
        f'{name}_total{{outcome="sent",what="spans"}} 1.0',
        f'{name}_total{{outcome="sent",what="log_records"}} 1.0',
        f'{name}_total{{outcome="sent",what="events"}} 1.0',
        f'{name}_total{{outcome="refused",what="events"}} 1.0',
        f'{name}_total{{outcome="sent",what="audit_events"}} 1.0',
        f'{name}_total{{outcome="dropped",what="spans"}} 0.0',
        f'{name}_waiting{{what="audit_events"}} 0.0',
    ):
        wait_for(line, lambda line=line: counted(line))  # type: ignore[misc]
    assert "log_lines" not in get(f"{service.url}/metrics")[1]


def test_counts_never_fall_when_a_subscriber_leaves(starting: Starting) -> None:
    service = starting()

    def sent() -> float:
        found = [each for each in service.registry.collect_all() if each.name == "tapewatch_sdk_telemetry_total"]
        return next(each.value for each in found if dict(each.labels) == {"what": "events", "outcome": "sent"})

    handle = service.events.subscribe(EventType.ERROR, lambda event: None)
    service.events.emit_error("one")
    assert service.events.flush(30)
    assert sent() == 1
    service.events.unsubscribe(handle)
    assert sent() == 1
    service.events.subscribe(EventType.ERROR, lambda event: None)
    service.events.emit_error("two")
    assert service.events.flush(30)
    assert sent() == 2


def test_all_that_is_wrong_is_told_at_once_with_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "jaeger:4318")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://loki:3100")
    monkeypatch.setenv("GRAFANA_PUSH_URL", "http://prometheus:9090")

    with pytest.raises(ProblemsError) as caught:
        _start.start_service("", port=70_000, level="loud", sampling=7, api_url="http://127.0.0.1:8000")

    codes = [problem.code for problem in caught.value.problems]
    assert sorted(codes) == [
        "logs/bad-level", "otlp/bad-endpoint", "otlp/bad-endpoint", "push/bad-url", "service/half-audit-trail",
        "service/no-name", "serving/cannot-listen", "tracing/bad-sampling",
    ]  # fmt: skip
    assert any("logs/bad-level: write `info`" in note for note in caught.value.__notes__)


def test_a_folder_without_an_api_is_half_an_audit_trail(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        _start.start_service("risk-manager", port=None, spool=tmp_path)

    (problem,) = caught.value.problems
    assert (problem.code, problem.where.path) == ("service/half-audit-trail", "TAPEWATCH_API_URL")


def test_a_port_that_is_taken_ends_the_program_with_a_remedy_in_its_last_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run('start_service("risk-manager", port=int(sys.argv[1]))', port)

    assert ended.code == 1
    error, remedy = ended.errors.splitlines()[-2:]
    assert error.endswith(f"ProblemsError: port {port} of 127.0.0.1 is taken")
    assert remedy.startswith("serving/port-taken: stop the other program")
    assert ended.lines == []


def state() -> tuple[object, ...]:
    """What a start that fails must leave as it was."""
    root = logging.getLogger()
    threads = sorted(each.name for each in threading.enumerate() if each.name.startswith(("tapewatch", "events")))
    return root.handlers.copy(), root.level, signal.getsignal(signal.SIGTERM), threads


@pytest.mark.parametrize("fault", ["before logging", "after logging"])
def test_a_start_that_fails_leaves_nothing_behind(
    fault: str, somewhere: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(source: object) -> None:
        raise MemoryError

    for name, value in somewhere.items():
        monkeypatch.setenv(name, value)
    if fault == "after logging":
        monkeypatch.setattr(_start, "set_exemplar_source", raising)
    printing = logging.StreamHandler()
    logging.getLogger().addHandler(printing)
    before, port, registry = state(), free_port(), MetricsRegistry()

    with pytest.raises(MemoryError if fault == "after logging" else ProblemsError):
        _start.start_service(
            "risk-manager", port=port, registry=registry, push_interval=15.0 if fault == "after logging" else -1.0
        )

    wait_for("all is as it was", lambda: state() == before, log=lambda: f"{before}\n{state()}")
    logging.getLogger().removeHandler(printing)
    socket.create_server(("127.0.0.1", port)).close()
    assert registry.collect_all() == []
    spool = SpooledSink(tmp_path / "spool", lambda events: None)  # nobody has the folder
    assert spool.close(30)


def test_one_service_runs_in_a_process_at_a_time(starting: Starting) -> None:
    first = starting()

    with pytest.raises(ProblemsError, match="runs in this process already"):
        starting()
    first.close()

    second = starting()
    assert get(f"{second.url}/ready")[0] == 200


def test_without_opentelemetry_all_else_works() -> None:
    ended = run("""
        sys.modules["opentelemetry"] = None
        service = start_service("risk-manager", port=0)
        with span("one"):
            logging.info("two")
        say(service.tracing.on, service.pushing.on, service.close())
    """)

    assert (ended.code, ended.said) == (0, ["False False True"])
    assert [line["message"] for line in ended.logged] == ["service is up", "two", "service ends"]


def test_an_endpoint_without_opentelemetry_is_told_at_the_start(receiver: OtlpReceiver) -> None:
    code = 'sys.modules["opentelemetry"] = None\nstart_service("risk-manager", port=0)'
    ended = run(code, env={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.traces_url})

    assert "otlp/not-installed: install `tapewatch[otel]`" in ended.errors


def test_metrics_are_pushed_where_the_environment_says(receiver: OtlpReceiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/v1/metrics"
    ended = run(
        'service = start_service("capture", port=None)\nsay(service.pushing.on, list(service.pushing.counts))',
        env={"GRAFANA_PUSH_URL": url},
    )

    assert ended.said == [f"True ['{url}']"]
    assert receiver.requests > 0
