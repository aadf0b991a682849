"""The historian as a whole: started, killed, started again; the SDK's own senders against it; several workers."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from websockets.sync.client import connect

from support.historian import Historian
from support.samples import SAMPLE
from support.servers import free_port
from support.targets import Target
from support.waiting import wait_for
from tapewatch.catalogue import load
from tapewatch.cli._history._store import ask
from tapewatch.history.collectors.system import SystemCollector
from tapewatch.history.serving import historian as historian_module
from tapewatch.history.serving.options import Options
from tapewatch.history.store import Batch, Store, queries
from tapewatch_sdk.collectors import Row
from tapewatch_sdk.events import Event, EventType, HttpSender, SpooledSink
from tapewatch_sdk.exporters import push
from tapewatch_sdk.instruments import MetricsRegistry

KEY = "a key of more than sixteen characters"
TYPED = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target() as found:
        found.set('market_data_price{symbol="BTC-USD"}', 50_000)
        yield found


@pytest.fixture(scope="module")
def catalogue(target: Target) -> str:
    found = yaml.safe_load(SAMPLE)
    found["services"] = {
        "market-data": {"address": target.address, "team": "data", "emits": ["market_data"]},
        "capture": {"mode": "push"},
    }
    del found["routing"]["teams"]
    return str(yaml.safe_dump(found))


@pytest.fixture
def folder(tmp_path: Path, catalogue: str) -> Path:
    (tmp_path / "catalogue.yaml").write_text(catalogue)
    return tmp_path


@pytest.fixture(scope="module")
def historian(tmp_path_factory: pytest.TempPathFactory, catalogue: str) -> Iterator[Historian]:
    folder = tmp_path_factory.mktemp("historian")
    (folder / "catalogue.yaml").write_text(catalogue)
    with Historian(folder) as found:
        wait_for("it is ready", lambda: found.ask("GET", "/health/ready").status == 200, 30, found.log)
        yield found


def events(count: int, kind: EventType = EventType.TRADE_REJECTED) -> list[Event]:
    return [Event(kind, data={"n": number}, source="risk-manager") for number in range(count)]


def _pushed(count: int) -> object:
    """An OTLP request of so many points, some 100 bytes each."""
    points = [
        {"asDouble": 1.5, "attributes": [{"key": "symbol", "value": {"stringValue": f"S{number}"}}]}
        for number in range(count)
    ]
    metric = {"name": "depth", "gauge": {"dataPoints": points}}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}


def _delivery(count: int) -> bytes:
    """A message of Alertmanager's with so many alerts, some 900 bytes each, most of them letters beyond ASCII."""
    alert = {"status": "firing", "startsAt": "2026-11-29T10:00:00Z", "annotations": {"summary": "ü" * 400}}
    alerts = [{**alert, "labels": {"alertname": f"A{number}"}} for number in range(count)]
    message = {"receiver": "desk", "status": "firing", "alerts": alerts}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def listed(historian: Historian, query: str = "limit=10000") -> list[Any]:
    found: list[Any] = historian.ask("GET", f"/api/events?{query}").json["events"]
    return found


def test_what_a_service_exposes_is_stored_and_shown(historian: Historian) -> None:
    def price() -> Any:
        found = historian.ask("GET", "/api/metrics/current?name=market_data_price").json
        return found["metrics"] and found

    current = wait_for("the price is there", price, log=historian.log)
    assert current["metrics"][0]["value"] == 50_000
    assert current["metrics"][0]["labels"]["symbol"] == "BTC-USD"
    assert current["services"]["market-data"]["up"] is True
    assert current["services"]["capture"]["mode"] == "push"
    assert current["simulated"] is False

    def buckets() -> Any:
        query = {"time_range": "MINUTE_5", "metric_types": ["market_data"], "interval": "1m"}
        return historian.ask("POST", "/api/metrics/history", query).json["series"]

    (series,) = wait_for("the price is stored", buckets, log=historian.log)
    assert series["name"] == "market_data_price"
    assert series["service"] == "market-data"
    assert {bucket["last"] for bucket in series["buckets"]} == {50_000}
    (summary,) = historian.ask("GET", "/api/metrics/summary?metric_types=market_data").json["metrics"]
    assert (summary["name"], summary["last"], summary["rate"]) == ("market_data_price", 50_000, None)


def test_what_the_sdk_pushes_arrives_byte_for_byte(historian: Historian) -> None:
    registry = MetricsRegistry()
    registry.counter("orders_total_usd_total", "Orders.", ["a_b"]).inc(3, {"a_b": 'x"y\\z\n é'})
    registry.histogram("took_seconds", "Time.", buckets=(0.5, 1.0)).observe(0.7)
    who: dict[str, Any] = {"service": "capture", "team": "data", "environment": "test"}
    pushing = push(f"{historian.url}/v1/metrics", **who, registry=registry, interval=60)
    assert pushing.flush()
    pushing.close()

    def found() -> Any:
        return historian.ask("GET", "/api/metrics/current?service=capture").json["metrics"]

    shown = {each["name"]: each for each in wait_for("it is shown", found, log=historian.log)}
    assert shown["orders_total_usd_total"] == {
        "name": "orders_total_usd_total",
        "labels": {"a_b": 'x"y\\z\n é', **who},
        "type": "counter",
        "value": 3,
    }
    assert (shown["took_seconds_count"]["value"], shown["took_seconds_sum"]["value"]) == (1, 0.7)

    def stored() -> Any:
        query = {"time_range": "MINUTE_5", "metric_types": ["orders_total_usd_total", "took_seconds_bucket"]}
        return historian.ask("POST", "/api/metrics/history", query).json["series"]

    kept = wait_for("it is stored", stored, log=historian.log)
    assert {each["labels"].get("le") for each in kept if each["name"] == "took_seconds_bucket"} == {
        "0.5",
        "1.0",
        "+Inf",
    }
    (orders,) = [each for each in kept if each["name"] == "orders_total_usd_total"]
    assert orders["labels"]["a_b"] == 'x"y\\z\n é'
    assert historian.ask("GET", "/api/metrics/current").json["services"]["capture"]["up"] is True


def test_an_event_reaches_whoever_looks_on(historian: Historian) -> None:
    with connect(f"ws://127.0.0.1:{historian.port}/ws/metrics", proxy=None) as client:
        messages = [json.loads(client.recv(10)) for _ in range(3)]
        assert [each["type"] for each in messages] == ["events", "series", "snapshot"]
        assert len(messages[1]["series"]) == len(messages[2]["values"])
        (sent,) = events(1)
        HttpSender(historian.url).send([sent])
        while (message := json.loads(client.recv(10)))["type"] != "events":
            pass
    assert message["events"] == [sent.to_dict()]


def test_an_event_is_stored_once_and_found_by_what_it_is(historian: Historian) -> None:
    (sent,) = events(1, EventType.KILL_SWITCH_TRIGGERED)
    sender = HttpSender(historian.url)
    for _ in range(3):
        sender.send([sent])

    assert listed(historian, "type=KILL_SWITCH_TRIGGERED&source=risk-manager") == [sent.to_dict()]
    assert listed(historian, "type=KILL_SWITCH_TRIGGERED&severity=critical") == []
    assert listed(historian, "type=KILL_SWITCH_TRIGGERED&end=2026-01-01T00:00:00Z") == []


def test_a_delivery_becomes_an_event_and_a_row(historian: Historian) -> None:
    alert = {
        "status": "firing",
        "labels": {"alertname": "KillSwitchActive", "service": "drill-risk", "severity": "critical"},
        "annotations": {"summary": "halted"},
        "startsAt": "2026-11-28T10:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }
    message = {"version": "4", "receiver": "desk", "status": "firing", "alerts": [alert], "truncatedAlerts": 0}
    for _ in range(2):
        assert historian.ask("POST", "/api/alerts/webhook", message).status == 200

    (event,) = [each for each in listed(historian, "type=ALERT_FIRING") if each["data"].get("delivered")]
    assert (event["severity"], event["data"]["receiver"], event["data"]["drill"]) == ("critical", "desk", True)


def test_it_says_what_it_measures_of_itself(historian: Historian) -> None:
    historian.ask("GET", "/health")
    text = historian.ask("GET", "/metrics").body.decode()

    assert 'tapewatch_history_requests_total{method="GET",route="/health",status="200"}' in text
    assert "tapewatch_history_store_writing 1" in text


def test_it_keeps_what_the_catalogue_says_for_as_long(tmp_path: Path, catalogue: str) -> None:
    told = yaml.safe_load(catalogue)
    told["stack"]["history"] = {**(told["stack"].get("history") or {}), "keep": {"events": "1h"}}
    (tmp_path / "catalogue.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    now = datetime.now(UTC)
    old, new = (Event(EventType.CYCLE_START, now - timedelta(hours=each), source="x") for each in (3, 0))

    with Historian(tmp_path) as historian:
        HttpSender(historian.url).send([old, new])
        answer = ask(tmp_path / "data/observability.duckdb", "retain", keep=())

        assert answer is not None
        assert answer["rows"]["events"] == 1
        assert listed(historian, "type=CYCLE_START") == [new.to_dict()]


def test_alerts_are_looked_up_from_when_they_were_known_and_not_from_the_newest_event(folder: Path) -> None:
    now = datetime.now(UTC)
    known, silent = now - timedelta(hours=2), now - timedelta(hours=1)
    options = Options(folder / "data" / "observability.duckdb")
    with Store.open(options.database) as store:
        store.define(SystemCollector.tables)
        store.write(
            Batch(
                rows=[
                    Row("system_metrics", {"timestamp": known, "active_alerts": 1}),
                    Row("system_metrics", {"timestamp": silent, "active_alerts": None}),
                ],
                events=[
                    Event(EventType.ENGINE_STOP, now, source="api"),
                    Event(EventType.TRADE_FILLED, now + timedelta(days=400), source="a clock that is ahead"),
                ],
            )
        )

    async def since() -> float:
        historian = historian_module.Historian(options, load(folder / "catalogue.yaml", {}).catalogue)
        try:
            return (await historian._of_before())[1]
        finally:
            await historian.stop()

    assert asyncio.run(since()) == pytest.approx(known.timestamp(), abs=0.001)


def test_a_second_start_on_the_same_store_is_refused(historian: Historian) -> None:
    second = Historian(historian.folder)
    second.launch()

    assert second.wait() == 2
    assert "error[" in second.log()
    assert historian.ask("GET", "/health/live").status == 200


def test_without_a_key_it_does_not_listen_to_other_machines(folder: Path) -> None:
    open_to_all = Historian(folder, "--host=0.0.0.0")
    open_to_all.launch()

    assert open_to_all.wait() == 2
    assert "history/open-to-all" in open_to_all.log()
    assert not open_to_all.database.exists()


def test_a_port_that_is_taken_is_told(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        second = Historian(folder, port=taken.getsockname()[1])
        second.launch()

        assert second.wait() == 2
    assert "history/port" in second.log()


def test_a_signal_ends_it_cleanly_and_what_was_acknowledged_is_there(folder: Path) -> None:
    sent = events(5)
    with Historian(folder) as historian:
        HttpSender(historian.url).send(sent)
        assert historian.stop(signal.SIGINT) == 0

    with Store.open(historian.database) as store:
        kept = queries.events(store.reader())
    assert {each.id for each in sent} <= {each.id for each in kept}
    assert [each.event_type for each in kept if each.source == "api"] == [EventType.ENGINE_STOP, EventType.ENGINE_START]
    assert "Traceback" not in historian.log()


def test_events_that_a_service_spools_survive_a_killed_historian_and_arrive_once(folder: Path) -> None:
    historian = Historian(folder).start()
    sink = SpooledSink(folder / "spool", HttpSender(historian.url).send)
    try:
        sent = events(300)
        sink.send(sent[:100])
        wait_for("some are taken", lambda: sink.stats().acknowledged > 0)
        historian.stop(signal.SIGKILL)
        for begin in range(100, 300, 50):
            sink.send(sent[begin : begin + 50])
        historian.start()
        assert sink.flush(30)
        found = [each["id"] for each in listed(historian, "type=TRADE_REJECTED&limit=10000")]
    finally:
        sink.close()
        historian.stop()

    assert sorted(found) == sorted(each.id for each in sent)


def test_several_workers_read_and_what_is_written_to_them_reaches_the_one_that_writes(folder: Path) -> None:
    (folder / "key").write_text(KEY)
    signed = {"X-API-Key": KEY}
    historian = Historian(folder, "--workers=2", f"--api-key-file={folder / 'key'}", "--host=0.0.0.0", port=free_port())
    historian.start()
    try:
        wait_for("they are ready", lambda: historian.ask("GET", "/health/ready").status == 200, 30, historian.log)
        sent = events(20)
        HttpSender(historian.url, KEY).send(sent)
        for _ in range(6):  # by whichever worker takes it
            found = historian.ask("GET", "/api/events?type=TRADE_REJECTED", headers=signed).json["events"]
            assert {each["id"] for each in found} == {each.id for each in sent}
        assert historian.ask("POST", "/v1/metrics", {"resourceMetrics": []}, signed).json == {}
        bad = historian.ask("POST", "/v1/metrics", {"resourceMetrics": 1}, signed)
        assert (bad.status, bad.code) == (400, "no_otlp")
        assert historian.ask("POST", "/v1/metrics", _pushed(2_000), signed).json == {}
        # Within the limit as it comes, and beyond it as a worker writes it.
        assert historian.ask("POST", "/api/alerts/webhook", _delivery(3_000), {**signed, **TYPED}).status == 200
        with connect(f"ws://127.0.0.1:{historian.port}/ws/metrics", proxy=None, additional_headers=signed) as client:
            assert {json.loads(client.recv(10))["type"] for _ in range(5)} == {"events", "series", "snapshot"}

            def told() -> bool:
                text = historian.ask("GET", "/metrics", headers=signed).body.decode()
                return "tapewatch_history_websocket_clients 1" in text and "snapshots_sent_total 0" not in text

            wait_for("the one client is counted, and the workers are none", told, log=historian.log)

        def counted() -> bool:
            text = historian.ask("GET", "/metrics", headers=signed).body.decode()
            return 'requests_total{method="POST",route="/api/events",status="200"} 1.0' in text

        wait_for("requests of workers are counted in one place", counted, log=historian.log)
        assert historian.ask("GET", "/metrics").status == 401
    finally:
        code = historian.stop()
    assert code == 0
    assert "Traceback" not in historian.log()
