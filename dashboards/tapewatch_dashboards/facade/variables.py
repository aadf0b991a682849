"""The variables at the top of a dashboard."""

from __future__ import annotations

from grafanalib import core

from tapewatch_dashboards.facade.queries import PROMETHEUS
from tapewatch_sdk.names import DATASOURCE_PROMETHEUS, EXPECTED

__all__ = ["datasource", "environment", "label", "service"]

_ALL = ".*"
_ON_TIME_RANGE = 2
"""Grafana asks again when the time range changes, so that what is new is found."""


def datasource() -> core.Template:
    """Which Prometheus."""
    made = core.Template("datasource", "prometheus", type="datasource", label="Prometheus", default="Prometheus")
    made._current = {"text": "Prometheus", "value": DATASOURCE_PROMETHEUS}
    return made


def environment() -> core.Template:
    """Which environments."""
    return _values("environment", EXPECTED, "environment")


def service(family: str = "", *, one: bool = False, only: str = "") -> core.Template:
    """Which services.

    Parameters:
        family: services that expose a series of this name; all that the catalogue names where it is empty.
        one: whether exactly one is chosen.
        only: a pattern of the services that may be chosen.
    """
    matchers = ['environment=~"$environment"', *([f'service=~"{only}"'] if only else [])]
    made = _values("service", f"{family or EXPECTED}{{{', '.join(matchers)}}}", "service")
    if one:
        made.includeAll = made.multi = False
        made.allValue = None
        made._current = {}
    return made


def label(name: str, family: str, *, one: bool = False, by_service: bool = True, called: str = "") -> core.Template:
    """Which values of a label.

    Parameters:
        name: the label, and the variable's name.
        family: a series that has it.
        one: whether exactly one is chosen.
        by_service: whether the dashboard has the variable `service`, which narrows them.
        called: another name of the variable; what can be chosen then is among what the variable `name` allows.
    """
    matchers = ['environment=~"$environment"', *(['service=~"$service"'] if by_service else [])]
    matchers += [f'{name}=~"${name}"'] if called else []
    made = _values(called or name, f"{family}{{{', '.join(matchers)}}}", name)
    if one:
        made.includeAll = made.multi = False
        made.allValue = None
        made._current = {}
    return made


def _values(name: str, selector: str, label_name: str) -> core.Template:
    made = core.Template(
        name,
        f"label_values({selector}, {label_name})",
        dataSource=PROMETHEUS,
        label=name.replace("_", " ").capitalize(),
        includeAll=True,
        multi=True,
        allValue=_ALL,
        refresh=_ON_TIME_RANGE,
    )
    made._current = {"text": ["All"], "value": ["$__all"]}
    return made
