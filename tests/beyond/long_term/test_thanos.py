"""Metrics that outlive every disk: a real Thanos, each role a process, on a real object store; a pair writes to it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from support.long_term import BUCKET, shown
from support.servers import start_alertmanager
from support.thanos import ThanosStage, running_thanos
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.long_term._tenants import limits, tenants

pytestmark = [pytest.mark.needs("thanos", "minio", "prometheus", "alertmanager"), pytest.mark.alone]

Alert = dict[str, Any]

QUIET = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"

NIGHTLY = bool(os.environ.get("TAPEWATCH_NIGHTLY"))

OUTAGE = 60.0 if NIGHTLY else 6.0
"""Seconds for which the object store is down."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThanosStage]:
    with running_thanos(tmp_path_factory.mktemp("thanos")) as stage:
        stage.wait_for_samples()
        yield stage


def test_the_pairs_series_come_out_once_and_are_called_as_in_prometheus(stage: ThanosStage) -> None:
    (series,) = stage.ask('up{service="market-data"}')
    (local,) = stage.prometheus[0].get_json("/api/v1/query?query=up%7Bservice%3D%22market-data%22%7D")["data"]["result"]
    # What Prometheus adds to all that leaves it, it adds to this as well.
    assert series["metric"] == local["metric"] | {"site": "ld4"}

    begin, expr = time.time(), 'up{service="market-data"}'
    wait_for("five seconds are there", lambda: stage.samples(f"{expr}[5m]")[-1][0] > begin + 5, 60.0)
    ours = [at for at, _ in stage.samples(f"{expr}[5s]", begin + 5)]
    # Both scrape each second, and three keep what each of them sends.
    assert 4 <= len(ours) <= 6, ours
    kept = {each["metric"]["thanos_replica"] for each in _each_copy(stage, expr)}
    assert kept == {each.name for each in stage.receives}


def test_the_rulers_alerts_are_those_of_prometheus(stage: ThanosStage, tmp_path: Any) -> None:
    market, risk = stage.targets["market-data"], stage.targets["risk-manager"]
    with start_alertmanager(QUIET, tmp_path, port=stage.catalogue.stack.ports.alertmanager) as alertmanager:
        market.set("market_data_websocket_connected", 0.0)
        risk.set("risk_kill_switch_active", 1.0)
        risk.set("risk_max_drawdown", 0.25)
        expected = {"MarketDataWebsocketDisconnected", "KillSwitchActivated", "DrawdownHigh"}
        sources: set[str] = set()

        def both() -> bool:
            held = alertmanager.get_json("/api/v2/alerts")
            sources.update(each["generatorURL"].partition("/graph")[0] for each in held)
            theirs = _alerts(stage.prometheus[0].get_json("/api/v1/alerts"))
            ours = _alerts(stage.call("/api/v1/alerts"))  # Query asks the ruler
            if not expected <= {each["labels"]["alertname"] for each in theirs} or theirs != ours:
                raise ValueError(f"Prometheus has {_shown(theirs)}, the ruler {_shown(ours)}")
            # One alert, told by both: there is none that differs in a label.
            told = {_words(each["labels"]) for each in held}
            if told != {_words(each["labels"] | {"site": "ld4"}) for each in theirs} or len(sources) < 2:
                raise ValueError(f"Alertmanager has {told}, of {sources}")
            return True

        wait_for("both have the same alerts, and have told", both, 90.0)


def test_nothing_acknowledged_is_lost_by_crashes_while_the_store_is_down(stage: ThanosStage) -> None:
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

    def written(more: int, timeout: float = 60.0) -> None:
        target = len(acknowledged) + more
        wait_for("it is written", lambda: len(acknowledged) > target, timeout, stage.receives[0].log_tail)

    first, second, third = stage.receives
    writer = threading.Thread(target=write)
    writer.start()
    try:
        written(20)
        stage.minio.stop(signal.SIGKILL)
        down = time.monotonic()
        written(20)
        third.stop(signal.SIGKILL)
        written(20)  # two are enough
        assert stage.ask('up{service="market-data"}'), "and what was written is read"
        for each in (first, second):
            each.stop(signal.SIGKILL)
        wait_for("the store is down for long enough", lambda: time.monotonic() - down > OUTAGE, OUTAGE + 10)
        stage.minio.start()
        for each in (first, second, third):
            each.launch()
        for each in (first, second, third):
            each.wait_until_ready()
        written(20)
    finally:
        over.set()
        writer.join()

    def lost() -> list[tuple[float, float]]:
        # Of what is kept: where one that it reads has a gap, Query goes over to the next one some seconds later.
        copies = _each_copy(stage, "paced[10m]")
        kept = {(float(when), float(number)) for each in copies for when, number in each["values"]}
        return [sample for sample in acknowledged if sample not in kept]

    wait_for(f"all of {shown(acknowledged)} is read", lambda: not lost(), 30.0, stage.engine.log_tail)

    def caught_up(service: str) -> bool:
        return stage.samples(f'up{{service="{service}"}}[10m]')[-1][0] > time.time() - 3

    for service in ("market-data", "risk-manager"):
        wait_for("Prometheus has sent what it could not meanwhile", partial(caught_up, service), 60.0)


@pytest.mark.skipif(not NIGHTLY, reason="Receive counts every 15 s, so up to 45 s; TAPEWATCH_NIGHTLY=1 runs it")
def test_a_team_over_its_budget_is_refused_and_the_others_are_not(stage: ThanosStage) -> None:
    path = stage.folder / layout.LONG_TERM / "limits.yml"
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {team: each["head_series_limit"] for team, each in given["write"]["tenants"].items()} == {
        team: limits(stage.catalogue, team).series for team in tenants(stage.catalogue)
    }
    query = given["write"]["global"]["meta_monitoring_limit_query"]

    def series(team: str) -> float:
        return {each["metric"]["tenant"]: float(each["value"][1]) for each in stage.ask(query)}.get(team, 0.0)

    own = wait_for("series are counted by team", lambda: series("data"), 60.0)
    assert own < 200, "each counts once, however many have it"
    given["write"]["tenants"]["data"]["head_series_limit"] = 1_000
    path.write_text(yaml.safe_dump(given), encoding="utf-8")  # a running Receive reads it again

    def flood(team: str, first: int) -> int:
        at = time.time()
        many = [
            ({"__name__": "flood", "team": team, "number": str(first + n), "replica": replica}, at, 1.0)
            for n in range(500)
            for replica in ("a", "b")
        ]
        return stage.push(team, many).status

    assert flood("data", 0) == 200, "within the budget"
    assert flood("data", 500) == 200, "what is over it is seen once it is counted"
    wait_for("the team is refused", lambda: flood("data", 1_000) == 429, 60.0, stage.receives[0].log_tail)
    assert flood("risk", 0) == 200
    assert stage.ask('up{service="risk-manager"} == 1')


def test_the_history_is_there_without_prometheus_and_from_the_bucket_alone(stage: ThanosStage) -> None:
    begin, expr = time.time(), 'up{service="risk-manager"}'
    end = begin + 11

    def there() -> set[tuple[str, float]]:
        """Which Prometheus has sent what, however many keep it."""
        found = _each_copy(stage, f"{expr}[10s]", end)
        return {(each["metric"]["replica"], float(when)) for each in found for when, _ in each["values"]}

    def both() -> bool:
        return all(max(when for sender, when in there() if sender == letter) > end - 1.5 for letter in "ab")

    wait_for("both have sent the newest", both, 60.0)
    before = there()
    assert len(before) > 15, before
    for each in stage.prometheus:
        each.stop(signal.SIGKILL)
        shutil.rmtree(stage.folder / "parts" / each.folder.name.removesuffix("-a"))
    assert there() >= before

    now = time.time()
    _write(stage, now, 1, 3, 2)
    for each in stage.receives:
        each.stop(signal.SIGINT)
    for each in stage.receives:
        each.launch()
    for each in stage.receives:
        each.wait_until_ready()
    _write(stage, now, 4, 5)
    wait_for("with their disks they have all of it", lambda: _written(stage, now) == {1, 2, 3, 4, 5}, 30.0)

    stage.lose_receives()

    def same() -> bool:
        missing, shown = before - there(), stage.ask(expr, end)
        if missing or len(shown) != 1:
            raise ValueError(f"{len(missing)} of {len(before)} are missing: {sorted(missing)}; Query shows {shown}")
        return True

    store = stage.processes["thanos-store"]
    wait_for("the bucket alone has the same", same, 60.0, store.log_tail)
    # Thanos does not bring what came out of order, nor a team's newest: as docs/production/long-term.md says. The store
    # may not have found yet what the second end brought.
    wait_for("all but that is there", lambda: _written(stage, now) >= {1, 3, 4}, 60.0, store.log_tail)
    assert _written(stage, now) == {1, 3, 4}

    compactor = stage.processes["thanos-compact"]
    bucket = stage.minio.folder / "data" / BUCKET / "thanos"

    def merged() -> bool:
        return len([*bucket.glob("*/deletion-mark.json")]) >= 3

    wait_for("three copies have become one", merged, 60.0, compactor.log_tail)
    wait_for("and still it is the same", same, 30.0)
    assert compactor.is_running()


def _each_copy(stage: ThanosStage, expr: str, at: float | None = None) -> list[dict[str, Any]]:
    """The series as they are kept."""
    when = f"&time={at:.3f}" if at else ""
    found: list[dict[str, Any]] = stage.call(f"/api/v1/query?dedup=false&query={quote(expr)}{when}")["data"]["result"]
    return found


def _write(stage: ThanosStage, start: float, *seconds: float) -> None:
    """Samples of one series, in this order; each is its distance from a start, and later than what Prometheus sent."""
    for each in seconds:
        labels = {"__name__": "written", "team": "risk"}
        assert stage.push("risk", [(labels, start + each, each)]).status == 200


def _written(stage: ThanosStage, start: float) -> set[float]:
    """Which of these are kept, in however many copies."""
    copies = _each_copy(stage, "written[1m]", start + 30)
    return {float(value) for each in copies for _, value in each["values"]}


def _alerts(answer: dict[str, Any]) -> list[Alert]:
    """Alerts by what they say; when they began and how often they were looked at since is each evaluator's own."""
    kept = ("labels", "annotations", "state")
    found = [{key: each[key] for key in kept} for each in answer["data"]["alerts"] or []]
    return sorted(found, key=lambda each: _words(each["labels"]))


def _words(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _shown(alerts: list[Alert]) -> list[Any]:
    return [(each["labels"], each["state"]) for each in alerts]
