"""Holds the names of alerts on log lines against those of all other alerts, so that a name means one thing."""

from __future__ import annotations

from collections.abc import Sequence

from tapewatch.catalogue import Loaded
from tapewatch.rules.resolve import Rule
from tapewatch_sdk.names import HEARTBEAT
from tapewatch_sdk.problems import Problem

__all__ = ["log_alert_problems"]


def log_alert_problems(loaded: Loaded, rules: Sequence[Rule]) -> list[Problem]:
    """Alerts on log lines that are called like an alert on metrics, which routes and inhibitions could not tell apart.

    Two services may each have one of the same name: the label `service` tells those apart.

    Parameters:
        loaded: the catalogue.
        rules: the alert rules of all packs and objectives.
    """
    taken = {rule.alert for rule in rules} | {HEARTBEAT}
    return [
        Problem(
            code="catalogue/log-alert",
            summary=f"`{alert}` of `{service}` is the name of another alert",
            must="an alert on log lines has a name that no alert on metrics has",
            fix="rename it",
            where=loaded.document.place(("services", service, "logs", "alerts", alert), key=True),
        )
        for service, spec in loaded.catalogue.services.items()
        for alert in spec.logs.alerts
        if alert in taken
    ]
