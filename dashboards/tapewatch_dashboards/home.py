"""Home: who has work now, and where do they look? The first page of Grafana, and of each team."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from grafanalib import core

from tapewatch_dashboards.alerts import firing_now, to_dashboard, with_dashboard
from tapewatch_dashboards.facade import Query, Sheet, row, stat, table, text
from tapewatch_dashboards.facade.alerting import WORST, worst_by
from tapewatch_sdk.names import EXPECTED, GROUP_LABELS
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["UID", "home"]

UID = "home"

ENVIRONMENT = 'environment=~"$environment"'
CHOSEN = f'{ENVIRONMENT}, team=~"$team"'
FIRING = f'ALERTS{{alertstate="firing", severity!="none", {CHOSEN}}}'


def home(request: Request, others: Sequence[Dashboard]) -> Dashboard:
    """The dashboard; with a team chosen it is that team's page: `/d/home?var-team=risk`.

    Parameters:
        others: the dashboards that it leads to.
    """
    sheet = Sheet(request, choose={"team": EXPECTED}, by_service=False)
    return sheet.board(
        UID,
        "Home",
        "Who has work now, and where do they look?",
        [
            row(_teams(), height=4),
            row(_services(request), height=10),
            row(firing_now(request, FIRING), height=8),
            row(_where(others), height=9),
        ],
    )


def _teams() -> core.Panel:
    known = f'{EXPECTED}{{{ENVIRONMENT}, team!=""}}'
    return stat(
        "Teams",
        "How bad is the worst alert of each team, and what is that team's page?",
        Query(worst_by(f'{ENVIRONMENT}, team!=""', ["team"], known), "{{team}}", instant=True),
        unit="short",
        states=WORST,
        links=[_to_team()],
    )


def _services(request: Request) -> core.Panel:
    worst = worst_by(f'{CHOSEN}, service!=""', GROUP_LABELS, f"{EXPECTED}{{{CHOSEN}}}")
    return table(
        "Services",
        "How do the services do, and where is the dashboard of each?",
        Query(f"sort_desc({with_dashboard(worst, request, otherwise='alerts')})", instant=True),
        unit="short",
        names={"Value": "worst alert"},
        states=WORST,
        links=[to_dashboard()],
    )


def _where(others: Iterable[Dashboard]) -> core.Panel:
    """Without a slash before it, an address also holds where Grafana is below a path."""
    lines = [f"- [{each.title}](d/{each.uid}): {each.model['description']}" for each in others]
    return text("Where to look", "Which dashboard answers which question?", "\n".join(lines))


def _to_team() -> dict[str, Any]:
    url = f"/d/{UID}?var-team=${{__field.labels.team}}&${{environment:queryparam}}&${{__url_time_range}}"
    link: dict[str, Any] = core.DashboardLink(
        type="link", title="The team's page", uri=url, tooltip="Its services and its alerts", keepTime=False
    ).to_json_data()
    return link
