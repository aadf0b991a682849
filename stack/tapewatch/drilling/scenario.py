"""A rule's proof -> what drill targets expose or push, second by second, and the alerts that must come of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tapewatch.catalogue import Catalogue, Service
from tapewatch.rules.model import Case, Firing
from tapewatch.rules.parameters import evaluate, fill
from tapewatch.rules.proofs import target_of
from tapewatch.rules.resolve import Rule
from tapewatch.rules.values import Absent, Sample, parse_values
from tapewatch.schema import seconds
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.names import DRILL_NOTIFY_PREFIX, DRILL_PREFIX, EXPECTED
from tapewatch_sdk.problems import Place, Problem

__all__ = ["START", "DrillTarget", "Expectation", "Moment", "Scenario", "Series", "scenarios", "without_stimulus"]

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a drill has come.

    A receiver may wait before it tells (5 minutes for a medium alert), longer than the alert of a proof fires. So the
    drill stays at its last step before the end for as long as that takes: what grew goes on growing, what stood still
    stands still.

    Parameters:
        step: the step of the proof that is played.
        hold: the step at which the drill stays.
        extra: how many steps it has stayed there.
    """

    step: int
    hold: int = 0
    extra: int = 0

    @property
    def held(self) -> bool:
        """Whether it stays there now."""
        return self.step == self.hold


START = Moment(0)
"""Before the clock runs."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a target.

    Parameters:
        name: the sample's name, such as `orders_total` or `latency_bucket`.
        labels: the labels that the service itself sets, `le` among them; their values without escapes.
        values: one for each step.
    """

    name: str
    labels: Mapping[str, str]
    values: tuple[Sample, ...]

    def at(self, moment: Moment) -> Sample:
        """The value at a moment; after the last step it stays."""
        value = self._of(moment.step)
        grows = moment.extra if moment.held or self._only_grows else 0
        before, last = self._of(moment.hold - 1), self._of(moment.hold)
        if not grows or isinstance(value, Absent) or isinstance(before, Absent) or isinstance(last, Absent):
            return value
        return value + grows * (last - before)

    @property
    def _only_grows(self) -> bool:
        """Whether it counts, as the names of counters and of a histogram's parts say."""
        return self.name.endswith(("_total", "_bucket", "_count", "_sum"))

    def _of(self, step: int) -> Sample:
        return self.values[max(0, min(step, len(self.values) - 1))]


@dataclass(frozen=True, slots=True)
class DrillTarget:
    """One target of a drill.

    Parameters:
        labels: its target labels: environment, service (with a drill's prefix) and team.
        instance: tells targets of one service apart; empty where there is but one.
        series: what it exposes or pushes.
        up: 1 while it answers a scrape, 0 while it does not, absent while it is not even in the list of targets.
        expected: whether the server is told to expect this service.
        pushed: whether it pushes; then nothing scrapes it.
    """

    labels: Mapping[str, str]
    instance: str
    series: tuple[Series, ...]
    up: Series
    expected: bool
    pushed: bool

    @property
    def service(self) -> str:
        """The service name that its samples carry."""
        return self.labels["service"]

    def exposes(self, moment: Moment) -> list[tuple[Series, float]]:
        """Its series that have a value at a moment."""
        samples = ((each, each.at(moment)) for each in self.series)
        return [(each, value) for each, value in samples if not isinstance(value, Absent)]


@dataclass(frozen=True, slots=True)
class Expectation:
    """An alert that must fire.

    Parameters:
        labels: all its labels but those that Alertmanager's senders add.
        at: seconds from the start of the drill to the first evaluation at which it fires.
        until: the first evaluation at which it no longer does; None if it fires until the stimulus is taken away.
    """

    labels: Mapping[str, str]
    at: float
    until: float | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """The drill of one case of one rule.

    Parameters:
        rule: the rule, as it is loaded where the drill is played.
        case: the case of its proof.
        targets: what is scraped or pushes.
        interval: seconds from one step to the next.
        expects: the alerts that must fire; nothing else of the rule may, for these targets.
    """

    rule: Rule
    case: Case
    targets: tuple[DrillTarget, ...]
    interval: float
    expects: tuple[Expectation, ...]

    @property
    def title(self) -> str:
        """The alert, and what tells this drill from others of it."""
        several = sum(case.drill for case in self.rule.proof.cases) > 1
        of = [f"of {self.rule.service}"] if self.rule.service else []
        return " ".join([self.rule.alert, *of, *(["pushed"] if several and self.case.pushed else [])])

    @property
    def services(self) -> frozenset[str]:
        """The service names of its targets."""
        return frozenset(target.service for target in self.targets)

    @property
    def hold(self) -> int:
        """The step at which the drill stays until it was delivered: the last one before the first alert ends."""
        ends = [each.until for each in self.expects if each.until is not None]
        return math.ceil(round(min(ends) / self.interval, 6)) - 1 if ends else 10**9

    @property
    def duration(self) -> float:
        """Seconds from the start to the last moment that is expected of it."""
        return max(each.at if each.until is None else each.until for each in self.expects)


def scenarios(
    rules: Iterable[Rule], catalogue: Catalogue, *, notify: bool = False, pace: float = 1.0, run: str = ""
) -> list[Scenario]:
    """The drills of rules: of each the first case that fires, or those that its proof marks with `drill: true`.

    Where all services that a rule watches push, a case that pushes is preferred, if there is one; where none does, one
    that does not.

    Parameters:
        rules: the rules, with the parameter values that they have where the drill is played, times `pace`.
        catalogue: tells team and environment.
        notify: whether the real receivers are to be told.
        pace: how many seconds of a proof pass in one second of the drill.
        run: sets the services of this run apart from those of another at the same time.

    Raises:
        ProblemsError: no case of a rule can be played.
    """
    prefix = DRILL_NOTIFY_PREFIX if notify else DRILL_PREFIX
    return [_scenario(rule, case, catalogue, prefix, pace, run) for rule in rules for case in _drilled(rule, catalogue)]


def without_stimulus(scenario: Scenario) -> Scenario:
    """The same drill without what causes its alerts.

    Each target does what a target of the same case does that must be silent; where there is none, nothing changes after
    the first step.
    """
    firing = {each.labels["service"] for each in scenario.expects}
    quiet = next((each for each in scenario.targets if each.service not in firing), None)

    def still(series: Series) -> Series:
        return replace(series, values=series.values[:1])

    def calm(target: DrillTarget) -> DrillTarget:
        if quiet is None:
            return replace(target, series=tuple(map(still, target.series)), up=still(target.up))
        return replace(target, series=quiet.series, up=quiet.up)

    return replace(scenario, targets=tuple(calm(each) for each in scenario.targets))


def _drilled(rule: Rule, catalogue: Catalogue) -> list[Case]:
    cases = _candidates(rule)
    if not cases:
        raise ProblemsError([_nothing_fires(rule)])
    modes = {service.mode for service in _watched(rule, catalogue)}
    fitting = [case for case in cases if modes == {"push" if case.pushed else "scrape"}] or cases
    return fitting if fitting[0].drill else fitting[:1]


def _candidates(rule: Rule) -> list[Case]:
    """The cases that may be drilled: those that are marked, or else all that fire."""
    firing = [case for case in rule.proof.cases if case.fires]
    return [case for case in firing if case.drill] or firing


def _watched(rule: Rule, catalogue: Catalogue) -> list[Service]:
    """The services whose metrics a rule looks at."""
    if rule.service:
        return [catalogue.services[rule.service]]
    return [service for service in catalogue.services.values() if rule.domain in service.emits]


def _scenario(rule: Rule, case: Case, catalogue: Catalogue, prefix: str, pace: float, run: str) -> Scenario:
    keys = list(case.targets)
    if rule.service:  # the other services of the case belong to the rule for all others
        firing = {target_of(fires.target or keys[0]).service for fires in case.fires}
        keys = [key for key in keys if target_of(key).service in firing]
    team = _team(rule, catalogue)
    labels = {
        key: {"environment": catalogue.environment, "service": f"{prefix}{_name(rule, case, key, run)}", "team": team}
        for key in keys
    }
    return Scenario(
        rule=rule,
        case=case,
        targets=tuple(_target(rule, case, key, labels[key]) for key in keys),
        interval=seconds(case.interval) / pace,
        expects=tuple(_expectation(rule, each, labels[each.target or keys[0]], pace) for each in case.fires),
    )


def _name(rule: Rule, case: Case, key: str, run: str) -> str:
    """A rule for one service is drilled under that service's name, which its selectors know."""
    if rule.service:
        return rule.service
    words = [*([run] if run else []), rule.alert.lower(), *(["pushed"] if case.pushed else []), target_of(key).service]
    return "-".join(words)


def _team(rule: Rule, catalogue: Catalogue) -> str:
    """The team that owns what the rule watches: of the service, or of the first service of the rule's domain."""
    return next((service.team for service in _watched(rule, catalogue)), catalogue.defaults.team)


def _target(rule: Rule, case: Case, key: str, labels: Mapping[str, str]) -> DrillTarget:
    found = [_series(fill(name, rule.values), fill(values, rule.values)) for name, values in case.targets[key].items()]
    always = Series("up", {}, (1.0,))
    return DrillTarget(
        labels=labels,
        instance=key.partition("@")[2],
        series=tuple(each for each in found if each.name not in ("up", EXPECTED)),
        up=next((each for each in found if each.name == "up"), always),
        expected=any(each.name == EXPECTED for each in found),
        pushed=case.pushed,
    )


def _series(series: str, values: str) -> Series:
    name, _, labels = series.partition("{")
    written = {label: _ESCAPE.sub(_unescaped, value) for label, value in _LABEL.findall(labels)}
    return Series(name, written, tuple(parse_values(values)))


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def _expectation(rule: Rule, firing: Firing, target: Mapping[str, str], pace: float) -> Expectation:
    own = {name: fill(value, rule.values) for name, value in firing.labels.items()}
    return Expectation(
        labels={"alertname": rule.alert, **rule.labels, **target, **own},
        at=evaluate(firing.at, rule.values) / pace,
        until=None if firing.until is None else evaluate(firing.until, rule.values) / pace,
    )


def _nothing_fires(rule: Rule) -> Problem:
    return Problem(
        code="drill/no-case",
        summary=f"no case of {rule.alert}'s proof fires, so there is nothing to drill",
        must="a proof has a case with `fires`",
        fix="add one to the rule's proof",
        where=Place(path=rule.alert),
    )
