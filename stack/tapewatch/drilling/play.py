"""Plays scenarios and watches what becomes of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.drilling.ears import Ear
from tapewatch.drilling.explain import explain
from tapewatch.drilling.exposition import Families
from tapewatch.drilling.scenario import START, DrillTarget, Scenario
from tapewatch.drilling.stage import Stage
from tapewatch.drilling.steps import Outcome, Step, Track
from tapewatch.drilling.venue import Venue
from tapewatch.schema import seconds
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.names import DRILL_NOTIFY_PREFIX, EXPECTED

__all__ = ["Watched", "play", "waves"]

POLL = 0.2
"""Seconds between two looks at the servers."""

SCRAPED_WITHIN = 30.0
"""Seconds until Prometheus must have noticed the targets: it gathers changes for 5 s, and scrapes each at a moment of
its own within the interval."""

SLACK = 10.0
"""Seconds beyond what is expected before a step counts as missed, on a machine that has other things to do as well."""

INTERVALS = 6
"""The same in intervals of scrape and evaluation."""

Watched = Callable[[Sequence[Outcome], float], None]
"""Is told how the drills stand, and how many seconds have passed; called after each look."""


def play(
    scenarios: Sequence[Scenario],
    venue: Venue,
    catalogue: Catalogue,
    ear: Ear,
    *,
    name: str = "all",
    watched: Watched = lambda outcomes, elapsed: None,
) -> list[Outcome]:
    """Play scenarios, all at once, until each has come to its end or failed.

    Parameters:
        scenarios: what is played; no two may share a service.
        venue: the running stack.
        catalogue: tells the metric types and how long receivers are waited for.
        ear: learns what is delivered.
        name: sets this run's files apart from those of another.
        watched: is told of the progress.

    Raises:
        ToolError: Prometheus or Alertmanager does not answer at the start.
    """
    outcomes = [Outcome(each, [Track(alert) for alert in each.expects]) for each in scenarios]
    venue.prometheus.version()
    venue.alertmanager.version()
    with Stage(scenarios, venue, Families(catalogue.families.values()), name) as stage:
        _Watch(outcomes, stage, catalogue, ear, watched).run()
    return outcomes


def waves(scenarios: Iterable[Scenario]) -> list[list[Scenario]]:
    """Scenarios in groups that can be played at once: no two of a group share a service."""
    groups: list[list[Scenario]] = []
    for scenario in scenarios:
        free = (group for group in groups if not any(scenario.services & each.services for each in group))
        group = next(free, None)
        if group is None:
            groups.append([scenario])
        else:
            group.append(scenario)
    return groups


class _Watch:
    """Looks at the servers again and again, and keeps what it sees."""

    def __init__(
        self, outcomes: Sequence[Outcome], stage: Stage, catalogue: Catalogue, ear: Ear, watched: Watched
    ) -> None:
        self._outcomes = outcomes
        self._stage = stage
        self._venue = stage.venue
        self._catalogue = catalogue
        self._ear = ear
        self._watched = watched
        self._began = time.monotonic()
        self._head = 0.0
        """Seconds that passed before the clock of the scenarios ran."""
        self._tolerance = 2 * (self._venue.scrape + self._venue.evaluation)
        self._slack = SLACK + INTERVALS * (self._venue.scrape + self._venue.evaluation)

    def run(self) -> None:
        """From the first scrape to the last alert resolved."""
        self._wait_until_scraped()
        self._wait_until_expected()
        self._fail_what_is_active()
        self._head = self._elapsed()
        self._stage.start()
        while not all(outcome.done for outcome in self._outcomes):
            time.sleep(POLL)
            self._stage.check()
            try:
                self._look()
            except ToolError as error:  # a server that is restarted comes back; one that does not misses a deadline
                self._fail_late(f"; {error}")
            self._watched(self._outcomes, self._elapsed())

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _wait_until_scraped(self) -> None:
        deadline = self._elapsed() + SCRAPED_WITHIN + 2 * self._venue.scrape
        while waiting := [each for each in self._outcomes if not each.failure and each.at(Step.SCRAPED) is None]:
            seen = self._seen()
            for outcome in waiting:
                if outcome.scenario.services <= seen:
                    _take(outcome.tracks, Step.SCRAPED, self._elapsed())
                elif self._elapsed() > deadline:
                    outcome.failure = explain(outcome, outcome.tracks[0], self._venue)
            self._watched(self._outcomes, self._elapsed())
            self._stage.check()
            time.sleep(POLL)

    def _wait_until_expected(self) -> None:
        """The rules that expect the services must have been evaluated once; a rule that lacks them says so later."""
        self._stage.expect()
        deadline = self._elapsed() + self._slack
        while self._stage.expected and self._elapsed() < deadline:
            found = self._venue.prometheus.query(f'{EXPECTED}{{service=~"drill-.+"}}')
            if self._stage.expected <= {each["metric"]["service"] for each in found}:
                return
            time.sleep(POLL)

    def _seen(self) -> set[str]:
        """The services of which Prometheus has every target that answers at the start, or a push."""
        targets = [target for outcome in self._outcomes for target in outcome.scenario.targets]
        up = self._venue.prometheus.query('count by (service) (up{service=~"drill-.+"} == 1)')
        answering = {each["metric"]["service"]: float(each["value"][1]) for each in up}
        pushed = {service for target in targets if target.pushed and (service := self._arrived(target))}
        wanted: dict[str, int] = {}
        for target in targets:
            if not target.pushed:
                wanted[target.service] = wanted.get(target.service, 0) + (target.up.at(START) == 1.0)
        return pushed | {service for service, count in wanted.items() if answering.get(service, 0) >= count}

    def _arrived(self, target: DrillTarget) -> str:
        found = target.exposes(START)
        return target.service if not found or self._has_series(target) else ""

    def _has_series(self, target: DrillTarget) -> bool:
        # Of a service that pushes nothing else is there, apart from what the rules record of it.
        return bool(self._venue.prometheus.query(f'count({{service="{target.service}",__name__!="{EXPECTED}"}})'))

    def _fail_what_is_active(self) -> None:
        """An alert that is there before anything happened would be seen without being caused."""
        active = self._venue.prometheus.alerts()
        for outcome in self._outcomes:
            for track in outcome.tracks:
                if not outcome.failure and _find(active, track.labels):
                    outcome.failure = "it was pending or firing before the drill began; wait until it has resolved"

    def _look(self) -> None:
        active = [each for each in self._venue.prometheus.alerts() if "drill-" in each["labels"].get("service", "")]
        now = self._elapsed()
        held = self._held()
        for outcome in self._running():
            for track in outcome.tracks:
                self._follow(track, active, held, now)
            self._watch_strays(outcome, active)
            self._watch_end(outcome)
            if all(track.told for track in outcome.tracks):
                self._stage.release(outcome.scenario)
        self._fail_late()

    def _running(self) -> list[Outcome]:
        return [outcome for outcome in self._outcomes if not outcome.done]

    def _held(self) -> list[dict[str, Any]]:
        """What Alertmanager holds of drills, if anybody waits for it."""
        if any(track.next is Step.ALERTMANAGER for outcome in self._running() for track in outcome.tracks):
            return self._venue.alertmanager.alerts('service=~"drill-.+"')
        return []

    def _follow(self, track: Track, active: Sequence[Any], held: Sequence[Any], now: float) -> None:
        alert = _find(active, track.labels)
        if alert:
            track.gone = None
            _take([track], Step.FIRING if alert["state"] == "firing" else Step.PENDING, now)
        elif Step.FIRING in track.steps and track.gone is None:
            track.gone = now
        if track.next is Step.ALERTMANAGER and _find(held, track.labels):
            _take([track], Step.ALERTMANAGER, now)
        if track.next in (Step.ALERTMANAGER, Step.DELIVERED):
            self._hear(track, now)
        if track.next is Step.RESOLVED and track.gone is not None:
            message = self._ear.heard(track.labels, "resolved", self._began)
            if message:
                _take([track], Step.RESOLVED, max(track.gone, message.at - self._began))

    def _hear(self, track: Track, now: float) -> None:
        """Delivered; then it had taken the steps before, though we may not have looked between them."""
        track.told = self._ear.heard(track.labels, "firing", self._began)
        if track.told:
            at = min(now, track.told.at - self._began)
            for step in (Step.FIRING, Step.ALERTMANAGER, Step.DELIVERED):
                track.steps[step] = min(at, track.steps.get(step, at))

    def _watch_strays(self, outcome: Outcome, active: Sequence[Any]) -> None:
        """An alert of the rule for one of the drill's targets that nothing has announced, or that comes too early."""
        for alert in active:
            labels = alert["labels"]
            ours = labels["alertname"] == outcome.scenario.rule.alert and labels["service"] in outcome.scenario.services
            if not ours or alert["state"] != "firing":
                continue
            tracks = [track for track in outcome.tracks if track.labels.items() <= labels.items()]
            if not tracks:
                outcome.failure = f"it fired for {labels['service']}, for which the proof says it must be silent"
            elif self._too_early(tracks[0]):
                fired, wanted = tracks[0].steps[Step.FIRING] - self._head, tracks[0].expectation.at
                outcome.failure = f"it fired {fired:.1f} s after the start, not after {wanted:.1f} s"

    def _too_early(self, track: Track) -> bool:
        # The time before the start counts for the rule as well.
        return track.steps.get(Step.FIRING, math.inf) < track.expectation.at - self._tolerance

    def _watch_end(self, outcome: Outcome) -> None:
        """An alert that was resolved although its condition still held."""
        for track in outcome.tracks:
            until, ended = track.expectation.until, track.steps.get(Step.RESOLVED, math.inf) - self._head
            if until is not None and ended < until - self._tolerance:
                outcome.failure = f"it resolved {ended:.1f} s after the start, not after {until:.1f} s"

    def _fail_late(self, more: str = "") -> None:
        for outcome in self._running():
            for track in outcome.tracks:
                if not outcome.failure and self._elapsed() > self._deadline(outcome, track):
                    outcome.failure = explain(outcome, track, self._venue) + more

    def _deadline(self, outcome: Outcome, track: Track) -> float:
        """When the step that is awaited should long have come."""
        # The route of drills waits as long as that of critical alerts, from which it inherits.
        notifies = track.labels["service"].startswith(DRILL_NOTIFY_PREFIX)
        timing = self._catalogue.routing.timing(track.labels["severity"] if notifies else "critical")
        rounds = seconds(timing.group_wait) + 2 * seconds(timing.group_interval)
        fired = track.steps.get(Step.FIRING, self._head + track.expectation.at)
        if track.next in (Step.FIRING, Step.SCRAPED):
            return fired + self._slack
        if track.next in (Step.ALERTMANAGER, Step.DELIVERED):
            return fired + self._slack + rounds
        ends = self._head + (track.expectation.until or 0)
        released = track.steps[Step.DELIVERED] + 2 * outcome.scenario.interval
        return max(ends, released) + self._slack + rounds


def _take(tracks: Iterable[Track], step: Step, now: float) -> None:
    for track in tracks:
        track.steps.setdefault(step, now)


def _find(alerts: Sequence[Any], labels: Mapping[str, str]) -> Any:
    return next((alert for alert in alerts if labels.items() <= alert["labels"].items()), None)
