"""What must hold so that what leaves the stack arrives: notifications in time, heartbeats."""

from __future__ import annotations

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.stack import ENGINES, PARTS
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.rules.parameters import format_duration
from tapewatch.schema import seconds
from tapewatch_sdk.names import SEVERITIES

__all__ = ["DELIVERY_CHECKS"]

_EVERYTHING = "..."
"""Alertmanager's word for "group by every label"."""

_EVALUATIONS_A_BEAT = 4
"""A heartbeat says that rules are evaluated; so that happens more than once from beat to beat, and a single late
evaluation does not count."""


def _timing(catalogue: Catalogue, report: Report) -> None:
    for severity in SEVERITIES:
        path: Path = ("routing", severity)
        timing = catalogue.routing.timing(severity)
        for key in ("group_interval", "repeat_interval"):
            if seconds(getattr(timing, key)) == 0:
                report(
                    "zero-interval",
                    (*path, key),
                    f"`{key}` of {severity} alerts is 0",
                    "longer than 0",
                    "set a duration such as 1m",
                )
        interval, repeat = seconds(timing.group_interval), seconds(timing.repeat_interval)
        # In whole milliseconds, since floats have no exact remainder.
        if interval and repeat and (repeat < interval or round(repeat * 1000) % round(interval * 1000)):
            report(
                "repeat-interval",
                path,
                f"{severity} alerts repeat after {timing.repeat_interval}, which is no multiple of the group"
                f" interval {timing.group_interval}",
                "`repeat_interval` is a multiple of `group_interval`, once in which Alertmanager looks",
                "change one of the two",
                key=True,
            )
        _group_by(path, timing.group_by, report)


def _group_by(path: Path, labels: tuple[str, ...], report: Report) -> None:
    if len(set(labels)) != len(labels):
        report(
            "duplicate-label", (*path, "group_by"), "`group_by` names a label twice", "each label once", "remove one"
        )
    if _EVERYTHING in labels and len(labels) > 1:
        report(
            "group-by",
            (*path, "group_by"),
            f"`{_EVERYTHING}` stands beside other labels in `group_by`",
            f"`{_EVERYTHING}` means every label and stands alone",
            f"keep `[{_EVERYTHING}]` or the labels",
        )


def _emails(catalogue: Catalogue, report: Report) -> None:
    for name, receiver in catalogue.receivers.items():
        for index, email in enumerate(receiver.email):
            if (email.username is None) != (email.password_file is None):
                report(
                    "email",
                    ("receivers", name, "email", index),
                    f"e-mail {index + 1} of `{name}` has one of `username` and `password_file`",
                    "a mail server wants both or neither",
                    "add the other one, or remove it",
                )


def _service_names(catalogue: Catalogue, report: Report) -> None:
    parts = (*PARTS, *ENGINES)
    for name in catalogue.services:
        if name in parts:
            report(
                "reserved-name",
                ("services", name),
                f"`{name}` is a part of the stack itself",
                f"a service has another name than {', '.join(parts)}: alerts and host names tell them apart",
                "rename the service",
                key=True,
            )


def _heartbeat(catalogue: Catalogue, report: Report) -> None:
    beat = catalogue.stack.heartbeat
    if beat is None:
        return
    path: Path = ("stack", "heartbeat")
    if (beat.url is None) == (beat.url_file is None):
        report(
            "webhook",
            path,
            "the heartbeat needs one of `url` and `url_file`",
            "exactly one of them",
            "keep one; a URL that is a secret goes into a file",
            key=True,
        )
    evaluation = catalogue.defaults.evaluation_interval
    shortest = _EVALUATIONS_A_BEAT * seconds(evaluation)
    if seconds(beat.interval) < shortest or seconds(beat.interval) == 0:
        report(
            "heartbeat-interval",
            (*path, "interval"),
            f"a heartbeat every {beat.interval} is too often for rules that are evaluated every {evaluation}",
            f"at least {_EVALUATIONS_A_BEAT} evaluation intervals",
            f"set `interval: {format_duration(shortest)}` or more",
        )


DELIVERY_CHECKS: tuple[Check, ...] = (_timing, _emails, _service_names, _heartbeat)
