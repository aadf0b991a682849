"""The sample platform under the real rules: at rest nothing fires, and each fault makes its own alerts fire.

Time passes sixty times as fast: the platform simulates a minute in a second, and the rules' durations are divided
likewise, so that a minute of these tests is an hour of the platform, with as many orders in each window as at rest.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.rendering import write
from support.servers import Server, free_port, start_prometheus
from support.simulated import SCRAPED, Sample
from support.waiting import wait_for
from tapewatch.drilling.scale import Scale, scaled
from tapewatch.drilling.throwaway import faster_flags
from tapewatch.project import open_project
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.where import native
from tapewatch.simulating.faults import FAULTS, parse

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.xdist_group("platform")]

FACTOR = 60
PUSHED = "capture-pipeline"
SERVICES = (*SCRAPED, PUSHED)
OURS = f'service=~"{"|".join(SERVICES)}"'

HOUR = 3600 / FACTOR

WITHIN = 60.0
"""Seconds in which the slowest alert fires: OrderFillRateLow looks back for 15 s and waits for 5."""


@dataclass
class Platform:
    """The sample and a Prometheus that looks at it."""

    sample: Sample
    simulate: Server
    prometheus: Server

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        found: list[dict[str, Any]] = self.prometheus.get_json(f"/api/v1/query?query={quote(expr)}")["data"]["result"]
        return found

    def active(self) -> set[tuple[str, str]]:
        """Alert and service of each alert of the platform that is pending or fires now."""
        alerts = self.prometheus.get_json("/api/v1/alerts")["data"]["alerts"]
        return {_named(each["labels"]) for each in alerts if each["labels"]["service"] in SERVICES}

    def fired(self, seconds: float) -> set[tuple[str, str]]:
        """The same for all that fired in the last seconds."""
        found = self.query(f'count_over_time(ALERTS{{alertstate="firing",{OURS}}}[{int(seconds) + 1}s])')
        return {_named(each["metric"]) for each in found}

    def fault(self, *arguments: str) -> None:
        """The command, as a user types it."""
        words = self.sample.command()
        command = [*words[: words.index("simulate")], "fault", f"--project={self.sample.folder}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr

    def log(self) -> str:
        """What both say, for a failure."""
        told = [line for line in self.simulate.log().splitlines() if not line.startswith("{")]
        return "\n".join([*told[-20:], self.prometheus.log_tail()])


def _named(labels: dict[str, str]) -> tuple[str, str]:
    return labels["alertname"], labels["service"]


@contextmanager
def platform(folder: Path, *arguments: str) -> Iterator[Platform]:
    """The sample, faster, as it is from the first second."""
    sample, port = Sample(folder), free_port()
    project = scaled(open_project(folder, sample.environ), FACTOR)
    for renderer in (PrometheusRenderer(native), RulesRenderer()):
        write({file.path: file.text for file in renderer.render(project.request)}, folder)
    config = folder / "provisioning/prometheus/prometheus.yml"
    flags = ("--web.enable-otlp-receiver", *faster_flags(Scale(FACTOR)))
    push = f"--push-url=http://127.0.0.1:{port}/api/v1/otlp"
    server = sample.server(push, f"--speed={FACTOR}", "--log-level=warning", *arguments)
    with server.start() as simulate, start_prometheus(config, folder, *flags, port=port) as prometheus:
        yield Platform(sample, simulate, prometheus)


def observed(running: Platform, seconds: float) -> None:
    """Waits until every service was seen for that long."""

    def look() -> bool:
        seen = running.query(f"sum by (service) (count_over_time(system_uptime_seconds{{{OURS}}}[10m]))")
        counts = {each["metric"]["service"]: float(each["value"][1]) for each in seen}
        return counts.keys() >= {*SERVICES} and min(counts.values()) >= seconds

    wait_for(f"every service is seen for {seconds:g} s", look, seconds * 3 + 60, running.log)


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform at rest, in its second hour."""
    with platform(tmp_path_factory.mktemp("rest")) as running:
        observed(running, HOUR)
        yield running


def test_at_rest_nothing_fires_for_an_hour(at_rest: Platform) -> None:
    assert at_rest.fired(3 * HOUR) == set()


def test_an_hour_has_the_orders_of_an_hour_and_the_rules_see_them(at_rest: Platform) -> None:
    # The records are named after their ranges, which are others in a faster copy.
    orders, filled, latency = (
        at_rest.query(f'{{__name__=~"service:{name}.+"}}')[0]
        for name in (
            "execution_orders_submitted:increase", "execution_orders_filled:ratio",
            "order_placement_latency_milliseconds:p99_",
        )
    )  # fmt: skip
    assert 200 < float(orders["value"][1]) < 500, "5 minutes at rest have some 340 orders"
    assert 0.95 < float(filled["value"][1]) < 1
    assert 0 < float(latency["value"][1]) < 100


def test_totals_are_the_sums_of_their_parts_and_positions_are_those_of_the_fills(at_rest: Platform) -> None:
    """Looked at while nothing happens: the feed is cut off."""
    at_rest.fault("feed-disconnected")
    names = ("execution_orders_submitted_total", "execution_orders_filled_total", "execution_orders_rejected_total")

    def still() -> bool:
        (found,) = at_rest.query("sum(increase(orders_submitted_total[3s]))")
        return float(found["value"][1]) == 0

    wait_for("no more orders", still, 30, at_rest.log)
    for name in names:
        (labelled,), (total,) = at_rest.query(f"sum({name})"), at_rest.query(name.removeprefix("execution_"))
        assert labelled["value"][1] == total["value"][1], name
    ended = "sum(execution_orders_cancelled_total) + sum(orders_filled_total) + sum(orders_rejected_total)"
    assert at_rest.query(f"{ended} == sum(orders_submitted_total)")
    assert at_rest.query("sum(position_reconciliations_total) > 10")
    assert at_rest.query("sum(position_reconciliation_breaks_total) == 0")
    values = {
        source: {each["metric"]["symbol"]: float(each["value"][1]) for each in at_rest.query(expr)}
        for source, expr in (
            ("risk", "risk_position_size * on (symbol) group_left () execution_last_fill_price"),
            ("position", "position_value_usd"),
        )
    }
    assert values["risk"] == pytest.approx(values["position"], abs=0.01)
    at_rest.fault("--off")


ROUNDS = (
    # While nobody can trade.
    (
        "feed-disconnected", "kill-switch", "breaker", "loss-warning", "service-down", "telemetry-missing",
        "rate-limit", "reconnects", "backlog", "clock-drift=execution-engine", "api-errors", "reconciliation-break",
        "drawdown",
    ),
    # While everybody does.
    (
        "limit-breach", "rejections", "slow-orders", "slow-ticks", "slow-checks", "stale-symbol", "sequence-gap",
        "capture-stalled", "slow-pipeline", "buffer-full", "slow-flush", "slow-inference", "stale-dashboard",
    ),
    ("unfilled", "incomplete-data=raw_trades"),
    ("daily-loss",),
)  # fmt: skip
"""Faults that can be on together."""


def expected(faults: Sequence[str], running: Platform) -> set[tuple[str, str]]:
    """The alerts of faults, each with the service that it is about."""
    catalogue = running.sample.load().catalogue
    domains = {rule.alert: rule.domain for rule in open_project(running.sample.folder).rules}
    found = set()
    for name, value in parse(faults).items():
        for alert in (FAULTS[name].alert, *FAULTS[name].also):
            emitting = [each for each in SERVICES if domains[alert] in catalogue.services[each].emits]
            found.add((alert, value if FAULTS[name].value == "SERVICE" else emitting[0]))
    return found


def test_every_fault_is_played() -> None:
    played = [name for faults in ROUNDS for name in parse(faults)]

    assert sorted(played) == sorted(FAULTS)
    assert len({FAULTS[name].alert for name in played}) == 29


def fired_by(running: Platform, faults: Sequence[str]) -> set[tuple[str, str]]:
    """Alert and service of all that fired from the beginning of some faults until everything was over again."""
    wanted, began = expected(faults, running), time.monotonic()

    def fired() -> set[tuple[str, str]]:
        return running.fired(time.monotonic() - began)

    running.fault(*faults)
    wait_for(
        f"{', '.join(faults)} make their alerts fire",
        lambda: wanted <= fired(),
        WITHIN,
        lambda: f"missing: {wanted - fired()}\n{running.log()}",
    )
    running.fault("--off")
    wait_for("all is over", lambda: not running.active(), WITHIN, lambda: f"{running.active()}\n{running.log()}")
    return fired()


def test_at_twice_the_rate_nothing_fires_and_then_exactly_the_alerts_of_each_fault(tmp_path: Path) -> None:
    with platform(tmp_path, "--rate=2") as running:
        observed(running, HOUR / 2)
        assert running.fired(HOUR) == set(), "at twice the rate something fires at rest"
        for faults in ROUNDS:
            assert fired_by(running, faults) == expected(faults, running)
