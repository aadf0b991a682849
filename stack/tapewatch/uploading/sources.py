"""The data sources that dashboards name, under the UIDs that another Grafana has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tapewatch.uploading.api import Api
from tapewatch_sdk.errors import ProblemsError, ToolError
from tapewatch_sdk.names import (
    DATASOURCE_ALERTMANAGER,
    DATASOURCE_JAEGER,
    DATASOURCE_LOKI,
    DATASOURCE_PROMETHEUS,
)
from tapewatch_sdk.plugins import Dashboard
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["SOURCES", "missing_sources", "read_mapping", "with_sources"]

SOURCES: Mapping[str, str] = {
    "prometheus": DATASOURCE_PROMETHEUS,
    "loki": DATASOURCE_LOKI,
    "jaeger": DATASOURCE_JAEGER,
    "alertmanager": DATASOURCE_ALERTMANAGER,
}
"""What `--datasource` calls them -> the UIDs that dashboards name."""


def read_mapping(words: Sequence[str]) -> dict[str, str]:
    """Our UID -> theirs, from `prometheus=UID` and the like.

    Raises:
        ProblemsError: a word is of another form, or names no data source of ours.
    """
    found: dict[str, str] = {}
    for word in words:
        name, _, uid = word.partition("=")
        if name not in SOURCES or not uid:
            raise ProblemsError([_bad_mapping(word)])
        found[SOURCES[name]] = uid
    return found


def with_sources(dashboard: Dashboard, mapping: Mapping[str, str]) -> Dashboard:
    """The dashboard with their UIDs in the place of ours."""
    return replace(dashboard, model=_mapped(dashboard.model, mapping)) if mapping else dashboard


def missing_sources(api: Api, dashboards: Sequence[Dashboard]) -> Iterator[Problem]:
    """A warning for each data source that dashboards name and that this Grafana does not have.

    It is asked for what every user may know; where it does not tell, nothing is said.
    """
    try:
        settings = api.get("/api/frontend/settings/")
    except ToolError:
        return
    told = settings.get("datasources") if isinstance(settings, Mapping) else None
    if not isinstance(told, Mapping):
        return
    there = {str(each.get("uid", "")) for each in told.values() if isinstance(each, Mapping)}
    named = {uid for dashboard in dashboards for uid in _named(dashboard.model)}
    for uid in sorted(named - there):
        yield _missing(api.url, uid)


def _mapped(value: Any, mapping: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return mapping.get(value, value)
    if isinstance(value, Mapping):
        return {key: _mapped(each, mapping) for key, each in value.items()}
    return [_mapped(each, mapping) for each in value] if isinstance(value, list | tuple) else value


def _named(value: Any) -> Iterator[str]:
    """The UIDs of data sources in a dashboard: of panels and queries, and of what a variable has chosen at first."""
    if isinstance(value, Mapping):
        source = value.get("datasource")
        if isinstance(source, Mapping) and (uid := str(source.get("uid", ""))) and "$" not in uid:
            yield uid
        if value.get("type") == "datasource" and (chosen := value.get("current", {}).get("value")):
            yield str(chosen)
        for each in value.values():
            yield from _named(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _named(each)


def _bad_mapping(word: str) -> Problem:
    return Problem(
        code="upload/bad-datasource",
        summary=f"`--datasource {word}` says no data source",
        must=f"NAME=UID, where NAME is one of {', '.join(SOURCES)}",
        fix="write, say, --datasource prometheus=PBFA97CFB590B2093; the UID stands in the address of its settings",
    )


def _missing(url: str, uid: str) -> Problem:
    name = next((name for name, ours in SOURCES.items() if ours == uid), "")
    return Problem(
        code="upload/missing-datasource",
        summary=f"this Grafana has no data source with the UID `{uid}`, which dashboards name",
        must="every data source of a dashboard is there, or its panels stay empty",
        fix=f"say which of its data sources is meant: --datasource {name or 'NAME'}=UID, or add it",
        where=Place(path=url),
        severity=Severity.WARNING,
    )
