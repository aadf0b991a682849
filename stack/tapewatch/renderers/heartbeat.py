"""The heartbeat: an alert that fires while all is well, by which somebody outside sees that the monitoring lives.

It is no part of `RulesRenderer`: a copy of the rules that runs elsewhere for a while, such as a drill's, must not beat
in the place of the real ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.documents import dump
from tapewatch.rules.parameters import format_duration
from tapewatch.rules.resolve import EVALUATION_SECONDS
from tapewatch.schema import seconds
from tapewatch_sdk.names import HEARTBEAT, HEARTBEAT_SEVERITY, SHARD_SEEN
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["HeartbeatRenderer", "heard_by_engine", "heartbeat_groups"]

_FRESH = 60.0
"""Seconds for which the newest scrape may lie back; more where scrapes are further apart."""

_SCRAPES = 4
"""The same in scrape intervals."""

_ANNOTATIONS = {
    "summary": "The monitoring lives",
    "description": "This alert fires as long as Prometheus scrapes, stores and evaluates rules. When it no longer"
    " arrives, Prometheus, its disk, Alertmanager or the way from them is broken.",
}

_PROVEN = 600.0
"""Seconds over which the unit test holds that every evaluation fires."""


class HeartbeatRenderer:
    """`rules/heartbeat.yml` and its unit test, where `stack.heartbeat` is on; otherwise nothing.

    With shards it is a rule of the engine, which beats while it hears from every one of them: no shard could say that
    another is dead.
    """

    name = "heartbeat"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """The rule and the test; the route is Alertmanager's."""
        catalogue = cast(Catalogue, request.catalogue)
        if catalogue.stack.heartbeat is None:
            return
        folder = layout.ENGINE_RULES if heard_by_engine(catalogue) else layout.RULES
        yield File(f"{folder}/heartbeat.yml", dump(_rules(catalogue), layout.HEADER))
        yield File(f"{layout.TESTS}/heartbeat_test.yml", dump(_tests(catalogue, folder), layout.HEADER))


def heard_by_engine(catalogue: Catalogue) -> bool:
    """Whether the engine beats, and not a Prometheus."""
    return catalogue.stack.shard_count > 1 and catalogue.stack.long_term is not None


def heartbeat_groups(catalogue: Catalogue) -> list[dict[str, Any]]:
    """The one rule group; none where there is no heartbeat."""
    if catalogue.stack.heartbeat is None:
        return []
    groups: list[dict[str, Any]] = _rules(catalogue)["groups"]
    return groups


def _labels(catalogue: Catalogue) -> Mapping[str, str]:
    """The alert's labels. It is of no service, so that no alert on a service can inhibit it."""
    return {
        "severity": HEARTBEAT_SEVERITY,
        "environment": catalogue.environment,
        "team": catalogue.defaults.team,
    }


def _fresh(catalogue: Catalogue) -> float:
    scrape = seconds(catalogue.defaults.scrape.interval)
    return math.ceil(max(_FRESH, _SCRAPES * scrape) / EVALUATION_SECONDS) * EVALUATION_SECONDS


def _rules(catalogue: Catalogue) -> dict[str, Any]:
    # A Prometheus whose disk is full evaluates on, though it can store nothing: `vector(1)` alone would beat on.
    fresh = _fresh(catalogue)
    alive = f"time() - max(timestamp(up)) < {fresh:g}"
    if heard_by_engine(catalogue):
        newest = f"max by (number) (timestamp({SHARD_SEEN}))"
        alive = f"count(time() - {newest} < {fresh:g}) == {catalogue.stack.shard_count}"
    rule = {
        "alert": HEARTBEAT,
        "expr": f"vector(1) and on () ({alive})",
        "labels": dict(_labels(catalogue)),
        "annotations": dict(_ANNOTATIONS),
    }
    return {"groups": [{"name": "heartbeat", "rules": [rule]}]}


def _tests(catalogue: Catalogue, folder: str) -> dict[str, Any]:
    """Fires from the first evaluation to the last as long as there are scrapes, and ends with them."""
    labels, fresh = _labels(catalogue), _fresh(catalogue)
    series = ["up"]
    if heard_by_engine(catalogue):
        # The last one alone ends: the beat must end with it.
        series = [f'{SHARD_SEEN}{{number="{shard}"}}' for shard in reversed(range(catalogue.stack.shard_count))]
    scrapes = int(_PROVEN / EVALUATION_SECONDS)
    ends = int(fresh / EVALUATION_SECONDS)
    silent = int(2 * fresh / EVALUATION_SECONDS)
    tests = [
        _test(labels, "fires at every evaluation while anything is scraped, and ends soon after the last scrape",
              series, f"0x{scrapes} _x{silent}", scrapes + ends, _PROVEN + 2 * fresh),
        _test(labels, "silent where nothing is scraped", series, f"_x{scrapes}", 0, _PROVEN),
    ]  # fmt: skip
    return {
        "rule_files": [f"{layout.TESTS_TO[folder]}/heartbeat.yml"],
        "evaluation_interval": format_duration(EVALUATION_SECONDS),
        "tests": tests,
    }


def _test(
    labels: Mapping[str, str], name: str, series: Sequence[str], values: str, times: int, end: float
) -> dict[str, Any]:
    """One unit test: how many evaluations fire in all, and what the first of them says.

    Parameters:
        labels: the alert's.
        name: of the test.
        series: what the rule goes by; the values are those of the first, the others are there all the time.
        values: of that one, as promtool reads them.
        times: evaluations that fire.
        end: seconds.
    """
    always = f"0x{int(end / EVALUATION_SECONDS)}"
    firing = {"alertname": HEARTBEAT, "alertstate": "firing"}
    expected = [{"exp_labels": dict(labels), "exp_annotations": dict(_ANNOTATIONS)}] if times else []
    counted = [{"labels": _selector({**firing, **labels}), "value": times}] if times else []
    return {
        "name": f"{HEARTBEAT}: {name}",
        "interval": format_duration(EVALUATION_SECONDS),
        "input_series": [
            {"series": each, "values": always if number else values} for number, each in enumerate(series)
        ],
        "alert_rule_test": [{"eval_time": "0s", "alertname": HEARTBEAT, "exp_alerts": expected}],
        "promql_expr_test": [
            {
                # Ranges are left-open: one second more takes the first evaluation in.
                "expr": f"count_over_time(ALERTS{_selector(firing)}[{format_duration(end + 1)}])",
                "eval_time": format_duration(end),
                "exp_samples": counted,
            }
        ],
    }


def _selector(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
