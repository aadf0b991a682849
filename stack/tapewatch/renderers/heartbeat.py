"""The heartbeat: an alert that always fires, by which somebody outside sees that Prometheus and Alertmanager live.

It is no part of `RulesRenderer`: a copy of the rules that runs elsewhere for a while, such as a drill's, must not beat
in the place of the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.documents import dump
from tapewatch.rules.parameters import format_duration
from tapewatch.rules.resolve import EVALUATION_SECONDS
from tapewatch_sdk.names import HEARTBEAT, HEARTBEAT_SEVERITY
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["HeartbeatRenderer"]

_EXPR = "vector(1)"
_ANNOTATIONS = {
    "summary": "The monitoring lives",
    "description": "This alert fires as long as Prometheus evaluates rules. When it no longer arrives, Prometheus,"
    " Alertmanager or the way from them is broken.",
}

_PROVEN = 3600.0
"""Seconds over which the unit test holds that every evaluation fires."""


class HeartbeatRenderer:
    """`rules/heartbeat.yml` and its unit test, where `stack.heartbeat` is on; otherwise nothing."""

    name = "heartbeat"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """The rule and the test; the route is Alertmanager's."""
        catalogue = cast(Catalogue, request.catalogue)
        if catalogue.stack.heartbeat is None:
            return
        labels = _labels(catalogue)
        yield File(f"{layout.RULES}/heartbeat.yml", dump(_rules(labels), layout.HEADER))
        yield File(f"{layout.TESTS}/heartbeat_test.yml", dump(_tests(labels), layout.HEADER))


def _labels(catalogue: Catalogue) -> Mapping[str, str]:
    """The alert's labels. It is of no service, so that no alert on a service can inhibit it."""
    return {
        "severity": HEARTBEAT_SEVERITY,
        "environment": catalogue.environment,
        "team": catalogue.defaults.team,
    }


def _rules(labels: Mapping[str, str]) -> dict[str, Any]:
    rule = {"alert": HEARTBEAT, "expr": _EXPR, "labels": dict(labels), "annotations": dict(_ANNOTATIONS)}
    return {"groups": [{"name": "heartbeat", "rules": [rule]}]}


def _tests(labels: Mapping[str, str]) -> dict[str, Any]:
    pace, end = format_duration(EVALUATION_SECONDS), format_duration(_PROVEN)
    expected = [{"exp_labels": dict(labels), "exp_annotations": dict(_ANNOTATIONS)}]
    firing = {"alertname": HEARTBEAT, "alertstate": "firing"}
    test = {
        "name": f"{HEARTBEAT}: fires at the first evaluation and at every other, though nothing is scraped",
        "interval": pace,
        "alert_rule_test": [
            {"eval_time": moment, "alertname": HEARTBEAT, "exp_alerts": expected} for moment in ("0s", end)
        ],
        "promql_expr_test": [
            {
                # Ranges are left-open: one second more takes the first evaluation in.
                "expr": f"count_over_time(ALERTS{_selector(firing)}[{format_duration(_PROVEN + 1)}])",
                "eval_time": end,
                "exp_samples": [
                    {"labels": _selector({**firing, **labels}), "value": int(_PROVEN / EVALUATION_SECONDS) + 1}
                ],
            }
        ],
    }
    return {"rule_files": ["../rules/heartbeat.yml"], "evaluation_interval": pace, "tests": [test]}


def _selector(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
