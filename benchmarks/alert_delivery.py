"""How fast an alert travels, from the value that changes at the target to the webhook, and all 29 at once."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from _measure import ROOT, Figure
from tapewatch.drilling.ears import WebhookEar
from tapewatch.drilling.exposition import Families
from tapewatch.drilling.play import play
from tapewatch.drilling.scale import SCRAPE, Scale, scaled
from tapewatch.drilling.scenario import Scenario, Series, scenarios
from tapewatch.drilling.stage import Stage
from tapewatch.drilling.steps import Step
from tapewatch.drilling.throwaway import throwaway
from tapewatch.drilling.venue import Venue
from tapewatch.project import Project, open_project

FACTOR = 20.0
FLIPS = 100
STEP = 0.05
"""Seconds between two moments at which a value may change."""
WITHIN = 30.0
"""Seconds over which the changes are spread, at random, so that they meet scrapes and evaluations at any phase."""
LIMIT = 2 * SCRAPE + 0.1
"""What Prometheus itself sets: a change waits up to one interval for the scrape, and up to one for the evaluation."""


def run() -> list[Figure]:
    """Latency of single alerts, then all 29 at once against one after the other."""
    project = open_project(ROOT)
    copy = scaled(project, FACTOR)
    with _running(copy) as (venue, ear):
        delays = sorted(_delays(_switches(copy), venue, ear, copy))
    with _running(copy) as (venue, ear):
        start = time.monotonic()
        outcomes = play(_all(copy), venue, copy.catalogue, ear)
        at_once = time.monotonic() - start
    assert all(outcome.passed for outcome in outcomes), [outcome.failure for outcome in outcomes if outcome.failure]
    one_by_one = sum(outcome.at(Step.RESOLVED) or 0.0 for outcome in outcomes)
    return [
        Figure(f"value to webhook, {FLIPS} alerts: p50", statistics.median(delays)),
        Figure(f"value to webhook, {FLIPS} alerts: worst", delays[-1], limit=LIMIT),
        Figure(f"{len(outcomes)} drills of 29 alerts, at once", at_once),
        Figure("the same, one after the other", one_by_one),
        Figure("ratio", at_once / one_by_one, "", 0.1),
    ]


def _all(copy: Project) -> list[Scenario]:
    return scenarios(copy.rules, copy.catalogue, pace=Scale(FACTOR).pace)


@contextmanager
def _running(copy: Project) -> Iterator[tuple[Venue, WebhookEar]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        throwaway(copy, Scale(FACTOR), Path(folder)) as venue,
        WebhookEar((venue.listen, venue.port)) as ear,
    ):
        yield venue, ear


def _switches(copy: Project) -> list[tuple[Scenario, float]]:
    """Kill switches of as many services, each with the second after the start at which it is switched on."""
    rules = [rule for rule in copy.rules if rule.alert == "KillSwitchActivated"]
    chance = random.Random(4)
    found = []
    for number in range(FLIPS):
        (scenario,) = scenarios(rules, copy.catalogue, run=f"{number:03}")
        steps = chance.randrange(1, int(WITHIN / STEP))
        series = Series("risk_kill_switch_active", {}, (*[0.0] * steps, 1.0))
        target = replace(scenario.targets[0], series=(series,))
        expects = (replace(scenario.expects[0], until=None),)
        found.append((replace(scenario, targets=(target,), interval=STEP, expects=expects), steps * STEP))
    return found


def _delays(switches: list[tuple[Scenario, float]], venue: Venue, ear: WebhookEar, copy: Project) -> Iterator[float]:
    played = [scenario for scenario, _ in switches]
    with Stage(played, venue, Families(copy.catalogue.families.values()), "latency") as stage:
        while len(venue.prometheus.query('up{service=~"drill-.+"} == 1')) < FLIPS:
            time.sleep(0.2)
        time.sleep(2 * SCRAPE)
        began = time.monotonic()
        stage.start()
        time.sleep(WITHIN + 4 * LIMIT)
    for scenario, at in switches:
        message = ear.heard(scenario.expects[0].labels, "firing", began)
        assert message is not None, f"{scenario.targets[0].service} never arrived"
        yield message.at - began - at
