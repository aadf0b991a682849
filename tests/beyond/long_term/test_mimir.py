"""Metrics that outlive the disk of a Prometheus: a real Mimir on a real object store, written to by a pair."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from support.long_term import Pushed, Stage, running_stage, shown
from support.servers import start_alertmanager
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.long_term._tenants import NO_TEAM, limits

pytestmark = pytest.mark.needs("mimir", "minio", "prometheus")

Alert = dict[str, Any]

QUIET = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"

NIGHTLY = bool(os.environ.get("TAPEWATCH_NIGHTLY"))

OUTAGE = 60.0 if NIGHTLY else 5.0
"""Seconds for which the object store is down."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("long-term")) as stage:
        stage.wait_for_samples()
        yield stage


def test_the_pairs_series_come_out_once(stage: Stage) -> None:
    (series,) = stage.ask('up{service="market-data"}')
    assert not {"replica", "shard"} & series["metric"].keys(), series

    begin = time.time()
    expr = 'up{service="market-data"}'
    wait_for("six seconds are there", lambda: stage.samples(f"{expr}[5m]")[-1][0] > begin + 6, 60.0)
    ours = [at for at, _ in stage.samples(f"{expr}[6s]", begin + 6)]

    # Both scrape each second; of one of them there are six in six seconds, of both there would be twelve.
    assert 5 <= len(ours) <= 7, ours
    found = [set(_times(each.get_json(_range("market-data", begin + 6)))) for each in stage.prometheus]
    assert any(set(ours) <= each for each in found), (ours, found)


def test_each_team_is_a_tenant_and_the_rest_has_one_of_its_own(stage: Stage) -> None:
    assert {each["metric"]["team"] for each in stage.ask("up", tenant="data")} == {"data"}
    assert {each["metric"]["team"] for each in stage.ask("up", tenant="risk")} == {"risk"}
    assert stage.ask('orders_total{venue="market-data"}', tenant="data")
    assert not stage.ask('orders_total{venue="market-data"}', tenant="risk")


def test_the_rulers_alerts_are_those_of_prometheus(stage: Stage, tmp_path: Path) -> None:
    port = stage.catalogue.stack.ports.alertmanager
    market, risk = stage.targets["market-data"], stage.targets["risk-manager"]
    with start_alertmanager(QUIET, tmp_path, port=port) as alertmanager:
        market.set("market_data_websocket_connected", 0.0)
        risk.set("risk_kill_switch_active", 1.0)
        risk.set("risk_max_drawdown", 0.25)
        expected = {"MarketDataWebsocketDisconnected", "KillSwitchActivated", "DrawdownHigh"}

        sources: set[str] = set()

        def both() -> tuple[list[Alert], list[Alert]] | None:
            # Who told of an alert last: Prometheus gives its own address, the ruler that of Grafana.
            sources.update(urlsplit(each["generatorURL"]).netloc for each in alertmanager.get_json("/api/v2/alerts"))
            theirs = _alerts(stage.prometheus[0].get_json("/api/v1/alerts"))
            ours = _alerts(stage.call("/api/v1/alerts", NO_TEAM))
            names = {each["labels"]["alertname"] for each in theirs}
            return (theirs, ours) if expected <= names and theirs == ours and len(sources) > 1 else None

        alerts, _ = wait_for("both have the same alerts, and have told", both, 90.0, stage.engine.log_tail)
        held = [each["labels"] for each in alertmanager.get_json("/api/v2/alerts")]
        assert {_words(each) for each in held} <= {_words(each["labels"]) for each in alerts}, "one alert, told by both"


def _alerts(answer: dict[str, Any]) -> list[Alert]:
    """Alerts by what they say; when they began and how often they were looked at since is each evaluator's own."""
    kept = ("labels", "annotations", "state")
    found = [{key: each[key] for key in kept} for each in answer["data"]["alerts"]]
    return sorted(found, key=lambda each: _words(each["labels"]))


def _words(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def test_nothing_acknowledged_is_lost_by_a_crash_while_the_store_is_down(stage: Stage) -> None:
    acknowledged: list[tuple[float, float]] = []
    over = threading.Event()

    def write() -> None:
        value = 0.0
        while not over.is_set():
            at, value = time.time(), value + 1
            try:
                if stage.push("risk", [({"__name__": "paced", "team": "risk"}, at, value)]).status == 200:
                    acknowledged.append((round(at, 3), value))
            except OSError:
                pass
            over.wait(0.05)

    writer = threading.Thread(target=write)
    begin = time.time()
    writer.start()
    try:
        wait_for("it is written", lambda: len(acknowledged) > 20)
        stage.minio.stop(signal.SIGKILL)
        down = time.monotonic()
        wait_for("it is written without the store", lambda: len(acknowledged) > 60)
        stage.engine.stop(signal.SIGKILL)
        killed = len(acknowledged)
        wait_for(f"the store was down for {OUTAGE:g} s", lambda: time.monotonic() - down > OUTAGE, OUTAGE + 10)
        stage.minio.start()
        stage.engine.start()
        wait_for("it is written again", lambda: len(acknowledged) > killed + 20, 60.0, stage.engine.log_tail)
    finally:
        over.set()
        writer.join()

    found = set(stage.samples("paced[10m]", tenant="risk"))
    lost = [each for each in acknowledged if each not in found]
    assert not lost, f"{len(lost)} of {shown(acknowledged)} are lost: {lost[:5]}"
    print(f"{len(acknowledged)} acknowledged, none lost; the store was down for {OUTAGE:g} s, the engine killed in it")  # noqa: T201
    for service in ("market-data", "risk-manager"):
        _whole(stage, service, begin)


def _whole(stage: Stage, service: str, begin: float) -> None:
    """What the Prometheus could not send meanwhile has come afterwards, without a hole."""
    end, expr = time.time(), f'up{{service="{service}"}}[15m]'
    wait_for("Prometheus has caught up", lambda: stage.samples(expr)[-1][0] > end - 1, 90.0, stage.engine.log_tail)
    times = [at for at, _ in stage.samples(expr) if begin - 5 < at < end]
    longest = max(later - earlier for earlier, later in pairwise(times))
    assert longest < 2.5, f"{service} is scraped each second, and has a hole of {longest:.1f} s"


@pytest.mark.skipif(not NIGHTLY, reason="half a minute of a hole: TAPEWATCH_NIGHTLY=1 runs it")
def test_the_other_one_of_the_pair_is_taken(stage: Stage) -> None:
    expr = 'up{service="risk-manager"}[5m]'
    newest = stage.samples(expr)[-1][0]
    taken = next(each for each in stage.prometheus if newest in _times(each.get_json(_range("risk-manager", newest))))

    taken.stop(signal.SIGKILL)
    killed = time.time()
    wait_for("the other one is taken", lambda: stage.samples(expr)[-1][0] > killed + 30, 90.0, stage.engine.log_tail)
    times = [at for at, _ in stage.samples(expr) if at > killed - 30]
    hole = max(later - earlier for earlier, later in pairwise(times))

    print(f"a hole of {hole:.1f} s after the one of the pair was killed whose samples were taken")  # noqa: T201
    assert hole < 25
    taken.start()


def test_a_team_over_its_budget_is_refused_and_the_others_are_not(stage: Stage) -> None:
    at, limit = time.time(), limits(stage.catalogue, "data").series

    def many(team: str, count: int, first: int) -> int:
        series = [({"__name__": "flood", "team": team, "number": str(first + n)}, at, 1.0) for n in range(count)]
        return stage.push(team, series).status

    statuses = [many("data", 10_000, first) for first in range(0, limit + 20_000, 10_000)]
    assert statuses[:2] == [200, 200], "within the budget"
    assert 400 in statuses, f"over {limit} series: {statuses}"
    refused = stage.push("data", [({"__name__": "one_more", "team": "data"}, at, 1.0)])
    assert (refused.status, "per-user series limit" in refused.text) == (400, True), refused

    assert stage.push("risk", [({"__name__": "one_more", "team": "risk"}, at, 1.0)]).status == 200
    (kept,) = stage.ask('count(flood{team="data"})')
    assert int(kept["value"][1]) <= limit
    assert stage.ask('up{service="market-data"} == 1'), "what the team had before it still sends"


@pytest.mark.skipif(not NIGHTLY, reason="Mimir reads limits again every 10 s; TAPEWATCH_NIGHTLY=1 runs it")
def test_a_team_that_sends_too_fast_is_refused_for_the_moment_and_loses_nothing(stage: Stage) -> None:
    path = stage.folder / layout.LONG_TERM / "limits.yaml"
    generated = path.read_text(encoding="utf-8")
    given = yaml.safe_load(generated)
    given["overrides"]["data"] |= {"ingestion_rate": 1, "ingestion_burst_size": 2}
    begin, expr = time.time(), 'up{service="market-data"}'

    def flood(team: str) -> Pushed:
        series = [({"__name__": "fast", "team": team, "number": str(n)}, time.time(), 1.0) for n in range(10)]
        return stage.push(team, series)

    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    try:
        wait_for("the team is refused", lambda: flood("data").status == 429, 30.0, stage.engine.log_tail)
        assert "ingestion burst size limit" in flood("data").text
        assert flood("risk").status == 200
        wait_for("samples wait", lambda: stage.samples(f"{expr}[1m]", tenant="data")[-1][0] < time.time() - 12, 30.0)
    finally:
        path.write_text(generated, encoding="utf-8")

    end = time.time()
    wait_for("they have come", lambda: stage.samples(f"{expr}[5m]", tenant="data")[-1][0] > end, 60.0)
    found = [at for at, _ in stage.samples(f"{expr}[5m]", tenant="data") if begin < at < end]
    assert max(after - before for before, after in pairwise(found)) < 2.5, "none of them is missing"


def test_the_history_is_there_without_prometheus_and_with_the_bucket_alone(stage: Stage) -> None:
    at = time.time()
    expr = 'up{service="market-data"}[30s]'
    wait_for("the newest sample is there", lambda: stage.samples(expr)[-1][0] > at - 2, 60.0)
    before = [each for each in stage.samples(expr, at) if each[0] < at - 5]
    assert len(before) > 10

    for each in stage.prometheus:
        each.stop(signal.SIGKILL)
        shutil.rmtree(stage.folder / "parts" / each.folder.name.removesuffix("-a"))
    assert [each for each in stage.samples(expr, at) if each[0] < at - 5] == before

    stage.flush()
    stage.lose_disk()
    stage.engine.start()
    after = wait_for("the bucket is read", lambda: stage.samples(expr, at), 60.0, stage.engine.log_tail)
    assert [each for each in after if each[0] < at - 5] == before


def _range(service: str, at: float) -> str:
    return f"/api/v1/query?query=up%7Bservice%3D%22{service}%22%7D%5B30s%5D&time={at:.3f}"


def _times(answer: dict[str, Any]) -> list[float]:
    return [float(when) for each in answer["data"]["result"] for when, _ in each["values"]]
