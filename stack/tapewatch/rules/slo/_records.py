"""The recorded series behind an objective.

Events and errors are counted once, exactly, over five minutes; everything longer is summed from those two series, which
have one sample a minute and no labels but environment, service, team and slo. So a window of days costs the same
however many symbols, endpoints and instances the service has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from tapewatch.catalogue.model import Slo, SloLatency
from tapewatch.promql.edit import add_matchers
from tapewatch.rules.macros import expand
from tapewatch.rules.parameters import format_number
from tapewatch.rules.resolve import RecordingRule
from tapewatch.rules.slo._burn import budget
from tapewatch_sdk.names import GROUP_LABELS

__all__ = ["BASE", "BASE_SECONDS", "REMAINING", "le_pattern", "ratio_name", "records"]

BASE = "5m"
"""The window over which events are counted; the shortest window of a burn rate."""

BASE_SECONDS = 300

REMAINING = "slo:error_budget:remaining"
"""The share of the error budget that is left of the objective's window: 1 untouched, 0 used up, below 0 overdrawn."""

_EVENTS = f"slo:events:increase{BASE}"
_ERRORS = f"slo:errors:increase{BASE}"
_GROUP = ", ".join(GROUP_LABELS)


def ratio_name(window: str) -> str:
    """The recorded series of the error ratio over a window."""
    return f"slo:error_ratio:rate{window}"


def records(name: str, slo: Slo, windows: Iterable[str], matchers: str) -> Iterator[RecordingRule]:
    """Every recorded series of one objective, each after those that it reads.

    Parameters:
        name: the objective's name, the label `slo`.
        windows: windows of which the error ratio is needed.
        matchers: PromQL matchers for the services that the objective holds for; empty for all.
    """
    own = f'{{slo="{name}"}}'
    rows = [
        (_EVENTS, _increase(_total(slo))),
        (_ERRORS, _errors(slo, f"sum by ({_GROUP}) ({_EVENTS}{own})")),
        ("slo:objective", f"{_EVENTS}{own} * 0 + {format_number(slo.objective)}"),
        *((ratio_name(window), _ratio(own, window)) for window in windows),
        (REMAINING, f"1 - ({_ratio(own, slo.window)}) / {format_number(float(budget(slo)))}"),
    ]
    for record, expr in rows:
        # Most of these series have the label already; on the rule it tells promtool's linter that no two are the same.
        yield RecordingRule(record, add_matchers(expr, matchers), {"slo": name})


def le_pattern(bound: float) -> str:
    """A regular expression for every way in which clients and servers write a bucket's bound: `100`, `100.0`, `1e+02`.

    Prometheus normalises what it scrapes (`100.0`, `1e+06`), and not what is pushed to it (`100`, `1000000`).
    """
    number = Decimal(repr(bound)).normalize()
    plain = format(number, "f")
    digits = "".join(map(str, number.as_tuple().digits))
    mantissa = f"{digits[0]}.{digits[1:]}" if digits[1:] else digits
    # Go, and after it the client libraries, write an exponent with a sign and at least two digits.
    forms = [plain, plain if "." in plain else f"{plain}.0", f"{mantissa}e{number.adjusted():+03d}"]
    return "|".join(dict.fromkeys(form.replace(".", "[.]").replace("+", "[+]") for form in forms))


def _total(slo: Slo) -> str:
    return f"{slo.latency.family}_count" if slo.latency else str(slo.total)


def _errors(slo: Slo, events: str) -> str:
    """Errors, 0 where none has been counted yet.

    Good events that were never counted are 0 too: then everything failed, which is loud, as a wrong name should be.
    """
    none = f"{events} * 0"
    if slo.bad:
        return f"{_increase(slo.bad)}\nor\n{none}"
    good = _fast(slo.latency) if slo.latency else str(slo.good)
    # Counters are read one after another while the service goes on, so good events can be ahead of all events by a few.
    return f"clamp_min({events} - ({_increase(good)}\nor\n{none}), 0)"


def _fast(latency: SloLatency) -> str:
    return f'{latency.family}_bucket{{le=~"{le_pattern(latency.under)}"}}'


def _increase(counter: str) -> str:
    return expand(f"sum by ({_GROUP}) (exact_increase({counter}[{BASE}]))")


def _ratio(own: str, window: str) -> str:
    """Errors per event; nothing at all, and never NaN, where there was no event."""
    if window == BASE:
        return f"{_ERRORS}{own} / ({_EVENTS}{own} > 0)"
    return f"sum_over_time({_ERRORS}{own}[{window}]) / (sum_over_time({_EVENTS}{own}[{window}]) > 0)"
