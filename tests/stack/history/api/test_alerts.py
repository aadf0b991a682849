"""Alerts of a real Prometheus become events, each change once; what a real Alertmanager delivers is kept too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.history_api import Standing, serving
from support.servers import Server, start_alertmanager, start_prometheus
from support.targets import Target
from support.waiting import wait_for
from tapewatch.history.api.access import Gate, Hosts
from tapewatch.history.api.alerting import DELIVERIES, Prometheus, Watch, delivered
from tapewatch.history.api.alerting.prometheus import SilentError
from tapewatch.history.api.alerting.watch import still_firing
from tapewatch.history.api.live import Alerts
from tapewatch.history.store import StoreFullError
from tapewatch_sdk.events import Event, EventSeverity, EventType
from tapewatch_sdk.problems import Problem

RULES = """
groups:
  - name: test
    rules:
      - alert: KillSwitchActive
        expr: switch > 0
        labels: {severity: critical, team: risk}
        annotations: {summary: "Trading is halted on {{ $labels.service }}"}
      - alert: Waiting
        expr: waiting > 0
        for: 1h
        labels: {severity: medium}
"""

ALWAYS = """
groups: [{name: test, rules: [{alert: Watchdog, expr: vector(1)}]}]
"""

CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: test
    static_configs: [{{targets: ["{address}"], labels: {{service: risk-manager}}}}]
"""

STEP = 0.2


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target() as found:
        found.set("switch", 0)
        yield found


@pytest.fixture(scope="module")
def prometheus(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("alerts")
    (folder / "rules.yml").write_text(RULES)
    (folder / "prometheus.yml").write_text(CONFIG.format(address=target.address))
    with start_prometheus(folder / "prometheus.yml", folder) as server:
        wait_for("the target is scraped", lambda: found(server, "switch"))
        yield server


def found(server: Server, query: str) -> list[Any]:
    result: list[Any] = server.get_json(f"/api/v1/query?query={query}")["data"]["result"]
    return result


class Trail:
    """Keeps events as the store does: an id once."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.shown = Alerts()
        self.full = False

    async def store(self, events: Sequence[Event]) -> None:
        if self.full:
            raise StoreFullError([Problem("store/full", "the disk is full")])
        for event in events:
            self.events.setdefault(event.id, event)

    def show(self, alerts: Alerts) -> None:
        self.shown = alerts

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(each.event_type.name, each.data["alertname"]) for each in self.events.values()]


class Looking:
    """A watch that looks when it is told to."""

    def __init__(self, server: Server, trail: Trail, since: float) -> None:
        self.watch = Watch(None, STEP, trail.store, trail.show)
        self.watch._looked = since
        self.watch._firing = still_firing(trail.events.values())
        self._url = server.url

    def look(self) -> None:
        async def once() -> None:
            prometheus = Prometheus(self._url)
            try:
                await self.watch.look(prometheus, time.time())
            finally:
                await prometheus.close()

        asyncio.run(once())


def fire(server: Server, target: Target, value: float) -> None:
    target.set("switch", value)
    state = "1" if value else "0"
    wait_for(f"the alert is {state}", lambda: len(found(server, 'ALERTS{alertname="KillSwitchActive"}')) == int(state))


@pytest.fixture
def calm(prometheus: Server, target: Target) -> Iterator[Server]:
    fire(prometheus, target, 0)
    yield prometheus
    fire(prometheus, target, 0)


@pytest.mark.needs("prometheus")
def test_an_alert_is_written_down_when_it_fires_and_when_it_is_over_and_each_time_once(
    calm: Server, target: Target
) -> None:
    trail = Trail()
    looking = Looking(calm, trail, time.time())
    looking.look()
    assert trail.shown == Alerts(True, "", [])
    fire(calm, target, 1)
    for _ in range(3):
        looking.look()

    (event,) = trail.events.values()
    assert (event.event_type, event.severity, event.source) == (
        EventType.ALERT_FIRING, EventSeverity.CRITICAL, "risk-manager",
    )  # fmt: skip
    assert event.data["annotations"] == {"summary": "Trading is halted on risk-manager"}
    assert "drill" not in event.data
    (active,) = trail.shown.active
    assert {name: active[name] for name in ("alertname", "severity", "service", "team", "state", "summary")} == {
        "alertname": "KillSwitchActive",
        "severity": "critical",
        "service": "risk-manager",
        "team": "risk",
        "state": "firing",
        "summary": "Trading is halted on risk-manager",
    }
    assert abs(active["since"] - time.time()) < 60

    fire(calm, target, 0)
    for _ in range(3):
        looking.look()
    assert trail.told == [("ALERT_FIRING", "KillSwitchActive"), ("ALERT_RESOLVED", "KillSwitchActive")]
    assert trail.shown.active == []


@pytest.mark.needs("prometheus")
def test_what_happened_while_nobody_looked_is_read_from_what_prometheus_recorded(calm: Server, target: Target) -> None:
    began = time.time()
    fire(calm, target, 1)
    fired = time.time()
    fire(calm, target, 0)
    over = time.time()
    wait_for("some evaluations have passed", lambda: time.time() > over + 5 * STEP)
    trail = Trail()
    for _ in range(2):  # a second start finds the same, and writes nothing down anew
        Looking(calm, trail, began).look()

    assert trail.told == [("ALERT_FIRING", "KillSwitchActive"), ("ALERT_RESOLVED", "KillSwitchActive")]
    first, last = (each.timestamp.timestamp() for each in trail.events.values())
    assert began - STEP <= first <= fired + STEP
    assert fired - STEP <= last <= over + 2 * STEP


@pytest.mark.needs("prometheus")
def test_who_looked_and_who_looks_it_up_later_give_an_alert_the_same_id(calm: Server, target: Target) -> None:
    began = time.time()
    live, later = Trail(), Trail()
    looking = Looking(calm, live, began)
    fire(calm, target, 1)
    looking.look()
    fire(calm, target, 0)
    looking.look()
    wait_for("some evaluations have passed", lambda: time.time() > began + 10 * STEP)
    Looking(calm, later, began).look()

    assert later.events.keys() == live.events.keys()
    assert len(live.events) == 2


@pytest.mark.needs("prometheus")
def test_an_alert_that_goes_on_over_a_gap_is_not_written_down_again(calm: Server, target: Target) -> None:
    trail = Trail()
    fire(calm, target, 1)
    Looking(calm, trail, time.time()).look()
    gap = time.time()
    wait_for("nobody looked for a while", lambda: time.time() > gap + 6 * STEP)
    Looking(calm, trail, gap).look()

    assert trail.told == [("ALERT_FIRING", "KillSwitchActive")]
    fire(calm, target, 0)
    wait_for("nobody looked for a while", lambda: time.time() > gap + 12 * STEP)
    Looking(calm, trail, time.time() - 5 * STEP).look()
    assert trail.told[1:] == [("ALERT_RESOLVED", "KillSwitchActive")]


@pytest.mark.needs("prometheus")
def test_an_alert_that_goes_on_over_a_start_of_prometheus_is_not_written_down_again(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(ALWAYS)
    (tmp_path / "prometheus.yml").write_text("global: {evaluation_interval: 200ms}\nrule_files: [rules.yml]\n")
    trail = Trail()
    with start_prometheus(tmp_path / "prometheus.yml", tmp_path) as server:
        looking = Looking(server, trail, time.time())
        wait_for("it fires", lambda: found(server, "ALERTS"))
        before = server.get_json("/api/v1/alerts")["data"]["alerts"][0]["activeAt"]
        looking.look()
        server.stop()
        with pytest.raises(SilentError):
            looking.look()
        server.start()
        wait_for("it fires again", lambda: server.get_json("/api/v1/alerts")["data"]["alerts"])
        looking.look()
        looking.look()
        after = server.get_json("/api/v1/alerts")["data"]["alerts"][0]["activeAt"]

    assert before != after, "Prometheus takes it for a new one"
    assert trail.told == [("ALERT_FIRING", "Watchdog")]


@pytest.mark.needs("prometheus")
def test_a_pending_alert_is_shown_and_is_no_event(calm: Server, target: Target) -> None:
    trail = Trail()
    looking = Looking(calm, trail, time.time())
    target.set("waiting", 1)
    wait_for("it is pending", lambda: found(calm, 'ALERTS{alertname="Waiting"}'))
    looking.look()
    target.set("waiting", 0)
    wait_for("it is over", lambda: not found(calm, 'ALERTS{alertname="Waiting"}'))
    shown = trail.shown.active
    looking.look()

    assert [(each["alertname"], each["state"]) for each in shown] == [("Waiting", "pending")]
    assert trail.events == {}


@pytest.mark.needs("prometheus")
def test_what_could_not_be_stored_is_written_down_by_a_later_look(calm: Server, target: Target) -> None:
    trail = Trail()
    looking = Looking(calm, trail, time.time())
    fire(calm, target, 1)
    trail.full = True
    with pytest.raises(StoreFullError):
        looking.look()
    assert len(trail.shown.active) == 1, "it is shown all the same"
    trail.full = False
    looking.look()

    assert trail.told == [("ALERT_FIRING", "KillSwitchActive")]


@pytest.mark.needs("prometheus")
def test_a_prometheus_without_rules_evaluates_nothing(tmp_path: Path) -> None:
    trail = Trail()
    with start_prometheus("global: {}\n", tmp_path) as server:
        Looking(server, trail, time.time()).look()

    assert not trail.shown.evaluated
    assert "no alert rules" in trail.shown.reason


def running(watch: Watch, until: Callable[[], Awaitable[bool]]) -> None:
    async def run() -> None:
        task = asyncio.create_task(watch.run({}, time.time()))
        while not await until():
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.parametrize(
    ("prometheus_at", "words"),
    [(None, "install Prometheus"), (Prometheus("http://127.0.0.1:9"), "does not answer at http://127.0.0.1:9")],
    ids=["none", "silent"],
)
def test_without_a_prometheus_it_is_told_why_nothing_is_evaluated(prometheus_at: Prometheus | None, words: str) -> None:
    trail = Trail()

    async def told() -> bool:
        return words in trail.shown.reason

    running(Watch(prometheus_at, STEP, trail.store, trail.show), told)

    assert not trail.shown.evaluated
    assert trail.shown.active == ()


ALERTMANAGER = """
route: {{receiver: history, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: history, webhook_configs: [{{url: "{url}/api/alerts/webhook", send_resolved: true}}]}}]
"""


@pytest.mark.needs("alertmanager")
def test_what_a_real_alertmanager_delivers_is_taken(tmp_path: Path) -> None:
    core = Standing()
    labels = {"alertname": "KillSwitchActive", "service": "drill-risk-manager", "severity": "critical"}
    with (
        serving(core, Gate(Hosts(loopback=True))) as api,
        start_alertmanager(ALERTMANAGER.format(url=api.url), tmp_path) as alertmanager,
    ):
        alertmanager.post("/api/v2/alerts", [{"labels": labels, "annotations": {"summary": "halted"}}])
        wait_for("the alert is delivered", lambda: core.messages)
    message = core.messages[0]

    batch = delivered(message)
    (event,), (row,) = batch.events, batch.rows
    assert (event.event_type, event.severity) == (EventType.ALERT_FIRING, EventSeverity.CRITICAL)
    assert event.data["delivered"] is True
    assert event.data["drill"] is True
    assert event.data["receiver"] == "history"
    assert event.data["labels"] == labels
    assert row.table == DELIVERIES.name
    assert row.values.keys() <= {column.name for column in DELIVERIES.columns}
    assert row.values["drill"] is True
    assert delivered(message).events[0].id == event.id, "delivered again, it is the same event"


def test_a_delivery_is_no_sign_that_an_alert_fires() -> None:
    message: dict[str, Any] = {
        "receiver": "desk",
        "alerts": [{"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-01T00:00:00Z"}],
    }

    assert still_firing(delivered(message).events) == {}
    assert "drill" not in delivered(message).events[0].data
