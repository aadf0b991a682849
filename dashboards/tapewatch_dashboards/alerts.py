"""Alerts: what fires now, and what fired when?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grafanalib import core

from tapewatch_dashboards.facade import (
    Limit,
    Query,
    Row,
    Sheet,
    bars,
    kinds_of,
    row,
    stat,
    state_timeline,
    table,
    timeseries,
)
from tapewatch_dashboards.facade.alerting import WORST, count, over_time
from tapewatch_dashboards.facade.look import COLORS
from tapewatch_sdk.names import EXPECTED, SEVERITIES
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["alerts", "firing_now", "to_dashboard", "with_dashboard"]

CHOSEN = 'environment=~"$environment", service=~"$service", team=~"$team"'
FIRING = f'ALERTS{{alertstate="firing", severity!="none", {CHOSEN}}}'

BUDGET_BURNS = "ErrorBudgetBurn"
"""The alert of the catalogue's objectives."""

FEW = 200
"""Services up to which the dashboard of each is known by their names; beyond it, by the domain of the alert."""

STEP = 60
"""Seconds of the grid on which the time is counted for which an alert fired."""


def alerts(request: Request) -> Dashboard:
    """The dashboard; it shows the alerts of every service, and of the stack itself."""
    sheet = Sheet(request, choose={"team": EXPECTED})
    return sheet.board(
        "alerts",
        "Alerts",
        "What fires now, and what fired when?",
        [
            row(*_numbers(), height=4),
            row(firing_now(request, FIRING), height=9),
            row(_when(), height=10),
            row(*_shares(), title="By severity, service and team"),
            row(*_often(), title="Most of the time"),
            *_budgets(sheet),
        ],
    )


def _numbers() -> Iterator[core.Panel]:
    for severity in SEVERITIES:
        yield stat(
            f"{severity.capitalize()} alerts",
            f"How many {severity} alerts fire now?",
            Query(count(f'severity="{severity}", {CHOSEN}'), severity, instant=True),
            unit="short",
            limits=[Limit(1, severity)],
        )
    yield stat(
        "Pending alerts",
        "How many will fire if they do not end soon?",
        Query(
            f'count(ALERTS{{alertstate="pending", severity!="none", {CHOSEN}}}) or vector(0)', "pending", instant=True
        ),
        unit="short",
    )
    yield stat(
        "Services concerned",
        "How many services have an alert that fires?",
        Query(f"count(group by (environment, service) ({FIRING})) or vector(0)", "services", instant=True),
        unit="short",
        limits=[Limit(1, "high")],
    )
    yield stat(
        "Held back",
        "How many alerts does Alertmanager not send on, because of a silence or of a worse alert?",
        Query('max(alertmanager_alerts{state="suppressed"}) or vector(0)', "held back", instant=True),
        unit="short",
    )


def firing_now(request: Request, firing: str) -> core.Panel:
    """The alerts that fire; the value is the time since the condition began to hold, which is before they fired.

    Parameters:
        firing: a selector of `ALERTS`.
    """
    since = f"{firing} * ignoring (alertstate) (time() - ALERTS_FOR_STATE)"
    return table(
        "Firing now",
        "What fires now, since when, and where is the service's dashboard?",
        Query(with_dashboard(since, request), instant=True),
        unit="s",
        hidden=["alertstate", "job", "instance"],
        names={"alertname": "alert", "Value": "since"},
        colored={"severity": COLORS},
        no_value="nothing fires",
        links=[to_dashboard()],
    )


def with_dashboard(expr: str, request: Request, otherwise: str = "stack-health") -> str:
    """Alerts or services with the label `dashboard`, the UID of what shows the service.

    Parameters:
        otherwise: the UID for what is no service of the catalogue.
    """
    made = f'label_replace({expr}, "dashboard", "{otherwise}", "", "")'
    for label, pattern, uid in _dashboards(request):
        made = f'label_replace({made}, "dashboard", "{uid}", "{label}", "{pattern}")'
    return made


def _dashboards(request: Request) -> Iterator[tuple[str, str, str]]:
    """Label of an alert, pattern of its values, UID of the dashboard that is about them."""
    kinds = kinds_of(request.catalogue)
    by_name = len(request.catalogue.services) <= FEW
    for kind in kinds:
        alone = [each for each in kind.own if sum(each in other.domains for other in kinds) == 1]
        values = kind.services if by_name else alone
        if values:
            yield "service" if by_name else "domain", "|".join(values), kind.uid


def to_dashboard() -> dict[str, Any]:
    """A link of a table to the dashboard that `with_dashboard` names."""
    chosen = "var-service=${__data.fields.service}&var-environment=${__data.fields.environment}"
    url = f"/d/${{__data.fields.dashboard}}?{chosen}&${{__url_time_range}}"
    link: dict[str, Any] = core.DashboardLink(
        type="link", title="The service's dashboard", uri=url, tooltip="What the service does now", keepTime=False
    ).to_json_data()
    return link


def _when() -> core.Panel:
    return state_timeline(
        "What fired when",
        "Which alerts fired in the time that is shown, and when?",
        Query(over_time(CHOSEN, ["service", "alertname"]), "{{service}} {{alertname}}"),
        states=WORST,
    )


def _shares() -> Iterator[core.Panel]:
    yield timeseries(
        "By severity",
        "How many alerts of each severity fired at once?",
        Query(count(CHOSEN, ["severity"]), "{{severity}}"),
        unit="short",
        stack=True,
        minimum=0,
        colors={severity: COLORS[severity] for severity in SEVERITIES},
        no_value="nothing fired",
    )
    for label, question in (
        ("service", "Which services have alerts that fire now?"),
        ("team", "Which teams have work now?"),
    ):
        yield bars(
            f"By {label}",
            question,
            Query(count(CHOSEN, [label]), f"{{{{{label}}}}}", instant=True),
            unit="short",
            minimum=0,
            no_value="nothing fires",
        )


def _often() -> Iterator[core.Panel]:
    for title, question, labels in (
        ("Time by alert", "Which alerts fired for the longest part of the time that is shown?", ["alertname"]),
        ("Time by service", "Which services had alerts for the longest part of it?", ["service"]),
    ):
        by = ", ".join(labels)
        # A count of whole minutes: how often rules are evaluated is another question.
        long = f"count_over_time((group by ({by}) ({FIRING}))[$__range:{STEP}s]) * {STEP}"
        legend = " ".join(f"{{{{{label}}}}}" for label in labels)
        yield bars(
            title,
            question,
            Query(f"topk(10, {long})", legend, instant=True),
            unit="s",
            minimum=0,
            no_value="nothing fired",
        )


def _budgets(sheet: Sheet) -> Iterator[Row]:
    """The condition of the alerts on objectives; nothing where the catalogue declares none."""
    windows = dict.fromkeys(
        str(rule.values["long_window"]) for rule in sheet.request.rules if rule.alert == BUDGET_BURNS
    )
    if not windows:
        return
    remaining = Query(f"slo:error_budget:remaining{{{CHOSEN}}}", "{{service}} {{slo}}", instant=True)
    left = bars(
        "Error budget left",
        "How much of each objective's error budget is left?",
        remaining,
        unit="percentunit",
        limits=[Limit(0, "critical", below=True)],
        maximum=1,
        no_value="no traffic",
    )
    paces = [
        Query(
            f"slo:error_ratio:rate{window}{{{CHOSEN}}} / on (environment, service, team, slo)"
            f" (1 - slo:objective{{{CHOSEN}}})",
            f"{{{{service}}}} {{{{slo}}}} over {window}",
        )
        for window in windows
    ]
    question = "How many times faster than allowed is the error budget used?"
    pace = timeseries("Burn rate", question, *paces, unit="suffix:x", minimum=0, no_value="no traffic")
    yield row(left, pace, title="Objectives", widths=[8, 16])
