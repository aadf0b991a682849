"""What must hold for the stack itself."""

from __future__ import annotations

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Report
from tapewatch.schema import seconds

__all__ = ["STACK_CHECKS"]

_PROGRAMS = (
    "prometheus",
    "alertmanager",
    "grafana",
    "loki",
    "jaeger",
    "alloy",
    "node_exporter",
    "blackbox_exporter",
)

_SLOWEST_EVALUATION = 60.0
"""Seconds; TelemetryMissing looks for samples over half of its 2m window and needs one evaluation in it."""


def _stack(catalogue: Catalogue, report: Report) -> None:
    stack = catalogue.stack
    missing = [program for program in _PROGRAMS if program not in stack.images]
    if missing:
        report(
            "missing-image",
            ("stack", "images"),
            f"no version is pinned for {', '.join(missing)}",
            "`stack.images` pins every program of the stack",
            "add `NAME: {image: ..., version: ...}`",
            key=True,
        )
    for key, what in (("simulate", "the sample platform runs"), ("history", "the history runs")):
        if getattr(stack, key) and "tapewatch" not in stack.images:
            report(
                "missing-image",
                ("stack", key),
                f"no version is pinned for tapewatch, in whose image {what}",
                f"with `{key}`, `stack.images` pins `tapewatch` too",
                f"add `tapewatch: {{image: ..., version: ...}}` under `stack.images`, or take `{key}` away",
            )
    if seconds(stack.retention.logs) < 86400:
        report(
            "retention",
            ("stack", "retention", "logs"),
            f"log retention {stack.retention.logs} is too short",
            "Loki keeps logs for at least 24h",
            "set 24h or more",
        )
    for key in ("metrics", "traces"):
        if seconds(getattr(stack.retention, key)) == 0:
            report(
                "retention",
                ("stack", "retention", key),
                f"retention of {key} is 0",
                "longer than 0",
                "set a duration such as 7d",
            )
    if seconds(catalogue.defaults.evaluation_interval) == 0:
        report(
            "zero-interval",
            ("defaults", "evaluation_interval"),
            "an evaluation interval of 0",
            "longer than 0",
            "set 5s",
        )
    elif seconds(catalogue.defaults.evaluation_interval) > _SLOWEST_EVALUATION:
        report(
            "evaluation-interval",
            ("defaults", "evaluation_interval"),
            f"rules are evaluated only every {catalogue.defaults.evaluation_interval}",
            "at most 1m: the rules judge windows of 2m and more",
            "set 1m or less, such as 5s",
        )


STACK_CHECKS: tuple[Check, ...] = (_stack,)
