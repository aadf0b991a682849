"""What differs between a rule of the project and the one that Prometheus has loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from tapewatch.promql.lexer import significant, tokenize
from tapewatch.rules.parameters import format_duration
from tapewatch.rules.resolve import Rule
from tapewatch.schema import seconds

__all__ = ["differences"]

SHOWN = 3
"""Differences of one expression that are named; whoever sees three looks at the file."""

Loaded = Mapping[str, Any]
Formatted = Callable[[str], str]


def differences(rule: Rule, loaded: Sequence[Loaded], formatted: Formatted) -> Iterator[str]:
    """Each difference in words; none when Prometheus has the very same rule, with the series that it reads.

    Parameters:
        rule: the rule as it should be.
        loaded: all rules that Prometheus has, as its API gives them.
        formatted: an expression -> the same, laid out as Prometheus does it.
    """
    alerts = [each for each in loaded if each["type"] == "alerting" and each["name"] == rule.alert]
    if not alerts:
        yield f"Prometheus has no rule called {rule.alert}"
        return
    wanted = formatted(rule.expr)
    likest = max(alerts, key=lambda each: _likeness(formatted(each["query"]), wanted))
    yield from _expressions(f"the rule {rule.alert}", formatted(likest["query"]), wanted)
    if float(likest["duration"]) != seconds(rule.for_):
        given = format_duration(float(likest["duration"]))
        yield f"the rule {rule.alert} that Prometheus has waits for {given}, the project's for {rule.for_}"
    for record in rule.records:
        same_name = [formatted(each["query"]) for each in loaded if each["name"] == record.record]
        if not same_name:
            yield f"Prometheus does not record {record.record}, which the rule reads"
        elif formatted(record.expr) not in same_name:
            yield from _expressions(f"the recording rule {record.record}", same_name[0], formatted(record.expr))


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, _words(one), _words(other), autojunk=False).ratio()


def _expressions(what: str, given: str, wanted: str) -> Iterator[str]:
    has, should = _words(given), _words(wanted)
    edits = SequenceMatcher(None, has, should, autojunk=False).get_opcodes()
    pieces = [
        f"`{' '.join(has[a:b])}` instead of `{' '.join(should[c:d])}`" for kind, a, b, c, d in edits if kind != "equal"
    ]
    if pieces:
        more = f" and {len(pieces) - SHOWN} more" if len(pieces) > SHOWN else ""
        yield f"{what} that Prometheus has is not the project's: {', '.join(pieces[:SHOWN])}{more}"


def _words(expr: str) -> list[str]:
    return [token.text for token in significant(tokenize(expr))]
