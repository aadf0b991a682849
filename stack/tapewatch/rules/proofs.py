"""A rule's proof -> promtool unit tests.

Each case is checked at every moment that matters: one evaluation before an alert must fire and when it must, one
before it must be gone and when it must. At the end the evaluations at which each alert fired are counted, so that
an alert that fires at any other moment, even once, fails the case too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch.rules.model import Case, Firing
from tapewatch.rules.parameters import Value, evaluate, fill, format_duration, format_number
from tapewatch.rules.resolve import Rule
from tapewatch.rules.values import parse_values
from tapewatch.schema import seconds

__all__ = ["Target", "promtool_tests", "series_name", "target_of", "tests_by_evaluation"]


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a case with the labels that Prometheus would put on its samples."""

    service: str
    instance: str

    @property
    def group(self) -> dict[str, str]:
        """The labels that an alert keeps of it."""
        return {"environment": "proof", "service": self.service, "team": "proof"}

    @property
    def labels(self) -> dict[str, str]:
        """All its target labels."""
        return {**self.group, "instance": self.instance, "job": "services"}


def target_of(key: str, service: str = "") -> Target:
    """The target behind a case's key, `service` or `service@instance`.

    Parameters:
        key: as written in the case.
        service: put in place of the key's service, for a rule that holds for this service alone.
    """
    name, _, instance = key.partition("@")
    return Target(service or name, f"{instance or name}:9000")


def series_name(series: str, labels: Mapping[str, str]) -> str:
    """A series of a case with target labels added: `up` -> `up{instance="..."}`."""
    name, brace, own = series.partition("{")
    added = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{added}{',' + own if brace and own != '}' else '}'}"


def tests_by_evaluation(rules: Iterable[Rule]) -> dict[float, list[dict[str, Any]]]:
    """The unit tests of rules by the seconds between two evaluations, which promtool wants in a file of their own."""
    found: dict[float, list[dict[str, Any]]] = {}
    for rule in rules:
        for evaluation, test in promtool_tests(rule):
            found.setdefault(evaluation, []).append(test)
    return found


def promtool_tests(rule: Rule) -> Iterator[tuple[float, dict[str, Any]]]:
    """The unit tests of one rule, one for each case that applies to it, with the seconds between two evaluations."""
    for case in rule.proof.cases:
        if rule.service and len({target_of(key).service for key in case.targets}) > 1:
            continue  # a rule for one service says nothing about how it treats two
        evaluation = seconds(case.evaluation) if case.evaluation else rule.evaluation_seconds
        yield evaluation, _test(rule, case, evaluation)


def _test(rule: Rule, case: Case, evaluation: float) -> dict[str, Any]:
    series = {
        (key, fill(name, rule.values)): fill(values, rule.values)
        for key, exposed in case.targets.items()
        for name, values in exposed.items()
    }
    interval = seconds(case.interval)
    samples = max(len(parse_values(values)) for values in series.values())
    if not case.pushed:
        series = {**{(key, "up"): f"1x{samples - 1}" for key in case.targets}, **series}
    end = (samples - 1) * interval
    expected = [_Expected.of(firing, rule, case, end + evaluation) for firing in case.fires]
    test: dict[str, Any] = {
        "name": f"{rule.alert}{f' of {rule.service}' if rule.service else ''}: {case.name}",
        "interval": case.interval,
        "input_series": [
            {"series": series_name(name, target_of(key, rule.service).labels), "values": values}
            for (key, name), values in series.items()
        ],
    }
    if spoken := [each for each in expected if each.says]:
        test["alert_rule_test"] = [_spoken(rule, expected, each.at) for each in spoken]
    test["promql_expr_test"] = [*_moments(rule, expected, end, evaluation), *_never_nan(rule, end, evaluation)]
    return test


@dataclass(frozen=True, slots=True)
class _Expected:
    """An alert that must fire from `at` until just before `until`, in seconds."""

    labels: Mapping[str, str]
    at: float
    until: float
    says: Mapping[str, str]

    @classmethod
    def of(cls, firing: Firing, rule: Rule, case: Case, after_end: float) -> _Expected:
        values: Mapping[str, Value] = rule.values
        key = firing.target or next(iter(case.targets))
        target = target_of(key, rule.service)
        own = {name: fill(value, values) for name, value in firing.labels.items()}
        until = after_end if firing.until is None else evaluate(firing.until, values)
        # A rule for one service is proven with that service's name in the place of the one that the case gives.
        says: Mapping[str, str] = {
            text: said.replace(target_of(key).service, target.service) for text, said in firing.says.items()
        }
        return cls({**rule.labels, **target.group, **own}, evaluate(firing.at, values), until, says)


def _moments(rule: Rule, expected: Sequence[_Expected], end: float, evaluation: float) -> Iterator[dict[str, Any]]:
    # Rules that share a name are told apart by the labels that they have of their own.
    own = {name: value for name, value in rule.labels.items() if name not in ("severity", "domain")}
    firing = series_name("ALERTS", {"alertname": rule.alert, "alertstate": "firing", **own})
    edges = {moment for each in expected for at in (each.at, each.until) for moment in (at - evaluation, at)}
    for moment in sorted(edge for edge in edges if 0 <= edge <= end):
        now = [each for each in expected if each.at <= moment < each.until]
        yield {
            "expr": firing,
            "eval_time": format_duration(moment),
            "exp_samples": [_sample("ALERTS", rule, each.labels, 1) for each in now],
        }
    counts: dict[tuple[tuple[str, str], ...], float] = {}
    for each in expected:
        key = tuple(each.labels.items())
        counts[key] = counts.get(key, 0) + (min(each.until, end + evaluation) - each.at) / evaluation
    yield {
        "expr": f"count_over_time({firing}[{format_duration(end + 1)}])",
        "eval_time": format_duration(end),
        "exp_samples": [_sample("", rule, dict(labels), count) for labels, count in counts.items()],
    }


def _never_nan(rule: Rule, end: float, evaluation: float) -> Iterator[dict[str, Any]]:
    """What a rule records is a number at every moment, or is not there: a panel would show NaN as it is."""
    for record in rule.records:
        unequal_to_itself = f"{record.record} != {record.record}"
        range_ = f"{format_duration(end + 1)}:{format_duration(evaluation)}"
        yield {
            "expr": f"count_over_time(({unequal_to_itself})[{range_}])",
            "eval_time": format_duration(end),
            "exp_samples": [],
        }


def _sample(name: str, rule: Rule, labels: Mapping[str, str], value: float) -> dict[str, Any]:
    whole = {"alertname": rule.alert, "alertstate": "firing", **labels}
    return {"labels": series_name(name, whole), "value": float(format_number(value))}


def _spoken(rule: Rule, expected: Sequence[_Expected], at: float) -> dict[str, Any]:
    """The texts of the alerts that fire at a moment, word for word."""
    return {
        "eval_time": format_duration(at),
        "alertname": rule.alert,
        "exp_alerts": [
            {"exp_labels": dict(each.labels), "exp_annotations": _texts(rule, each)}
            for each in expected
            if each.at <= at < each.until
        ],
    }


def _texts(rule: Rule, expected: _Expected) -> dict[str, str]:
    texts = dict(rule.annotations) | {key: fill(text, rule.values) for key, text in expected.says.items()}
    for label, value in expected.labels.items():
        texts = {key: text.replace(f"{{{{ $labels.{label} }}}}", value) for key, text in texts.items()}
    return texts
