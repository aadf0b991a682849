"""What must hold for alerts on log lines: Loki can read them, and each looks at the service that declares it."""

from __future__ import annotations

from tapewatch.catalogue.model import Catalogue, LogAlert
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.logql import LogqlError, Matcher, read

__all__ = ["LOGS_CHECKS"]


def _log_alerts(catalogue: Catalogue, report: Report) -> None:
    for name, service in catalogue.services.items():
        for alert, spec in service.logs.alerts.items():
            if alert not in catalogue.defaults.logs.alerts:
                _log_alert(name, ("services", name, "logs", "alerts", alert), spec, report)
    for alert in catalogue.defaults.logs.alerts:
        report(
            "log-alert",
            ("defaults", "logs", "alerts", alert),
            f"`{alert}` stands in the defaults",
            "an alert on log lines looks at one service, and stands there",
            "move it to `services.NAME.logs.alerts`",
            key=True,
        )


def _log_alert(service: str, path: Path, spec: LogAlert, report: Report) -> None:
    where = (*path, "expr")
    wanted = f'{{service="{service}"}}'
    try:
        query = read(spec.expr)
    except LogqlError as error:
        report(
            "log-alert",
            where,
            f"`{path[-1]}` is no LogQL: {error}",
            f"an expression that Loki can read, such as sum(count_over_time({wanted} [5m])) > 0",
            "mend it there",
        )
        return
    own = Matcher("service", "=", service)
    if not query.selectors or any(own not in selector.matchers for selector in query.selectors):
        report(
            "log-alert",
            where,
            f"`{path[-1]}` looks at other log lines than those of `{service}`",
            f"each selector names the service, {wanted}: the alert is said to be its",
            f'write `service="{service}"` into each pair of braces',
        )
    if not query.ranges:
        report(
            "log-alert",
            where,
            f"`{path[-1]}` yields log lines and no number",
            "an alert counts lines over a time: count_over_time(... [5m])",
            f"write, say, sum(count_over_time({wanted} [5m])) > 0",
        )


LOGS_CHECKS: tuple[Check, ...] = (_log_alerts,)
