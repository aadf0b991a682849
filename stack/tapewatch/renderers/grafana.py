"""Grafana: data sources that lead from one to the next, and the dashboards with the provider that loads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.high_availability import Replicated
from tapewatch.documents import dump
from tapewatch.renderers.history import grafana_source
from tapewatch.renderers.jaeger_storage import reach_jaeger
from tapewatch.renderers.long_term.front import front
from tapewatch.renderers.members import members
from tapewatch.renderers.where import Locate, Where, compose
from tapewatch_sdk.names import (
    DATASOURCE_ALERTMANAGER,
    DATASOURCE_JAEGER,
    DATASOURCE_LOKI,
    DATASOURCE_LONG_TERM,
    DATASOURCE_PROMETHEUS,
)
from tapewatch_sdk.plugins import API_VERSION, Dashboard, File, Request

__all__ = ["HOME", "GrafanaRenderer", "data_sources", "folder_uid", "home_file"]

TRACE_ID = "trace_id"
"""What the trace's id is called on exemplars and log lines."""

SPANS_WINDOW = "1m"
"""Over which spans are counted: four times as long as Jaeger takes to bring its numbers up to date, so without gaps."""

HOME = "home"
"""UID of the dashboard that Grafana shows first."""


class GrafanaRenderer:
    """`grafana/provisioning/{datasources,dashboards}/tapewatch.yml` and `grafana/dashboards/<folder>/<uid>.json`.

    Parameters:
        locate: where the parts of the stack are; in compose, unless told otherwise.
    """

    name = "grafana"
    api_version = API_VERSION

    def __init__(self, locate: Locate = compose) -> None:
        self._locate = locate

    def render(self, request: Request) -> Iterator[File]:
        """Data sources, provider, then the dashboards by folder and UID."""
        catalogue = cast(Catalogue, request.catalogue)
        where = self._locate(catalogue.stack.ports)
        boards = sorted(request.dashboards, key=lambda board: (board.folder, board.uid))
        sources = data_sources(catalogue, where)
        providers = [_provider(folder, where) for folder in dict.fromkeys(board.folder for board in boards)]
        folder = f"{layout.GRAFANA}/provisioning"
        yield File(f"{folder}/datasources/tapewatch.yml", dump(sources, layout.HEADER))
        yield File(f"{folder}/dashboards/tapewatch.yml", dump({"apiVersion": 1, "providers": providers}, layout.HEADER))
        for board in boards:
            # Keys stay in the order in which the dashboard's code sets them: a diff then shows what the author changed.
            text = json.dumps(board.model, indent=2, ensure_ascii=False)
            yield File(f"{layout.DASHBOARDS}/{_slug(board.folder)}/{board.uid}.json", f"{text}\n")


def data_sources(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    """The file of data sources as data."""
    return {
        "apiVersion": 1,
        "prune": True,
        # The key of the history is a file that Grafana reads: its `$` is meant.
        "datasources": [
            *map(_escaped, _sources(catalogue, where)),
            *map(_escaped, _further(catalogue, where)),
            *map(_escaped, long_term_source(catalogue, where)),
            *grafana_source(catalogue, where),
        ],
    }


def folder_uid(title: str) -> str:
    """UID of the Grafana folder of a title; the same here and in a Grafana that dashboards are uploaded to."""
    return f"tapewatch-{_slug(title)}"[:40].rstrip("-")


def home_file(dashboards: Sequence[Dashboard], where: Where) -> str:
    """Where Grafana finds the dashboard that it shows first; empty when there is none of that UID."""
    found = next((board for board in dashboards if board.uid == HOME), None)
    return f"{where.config['grafana']}/dashboards/{_slug(found.folder)}/{HOME}.json" if found else ""


def _provider(folder: str, where: Where) -> dict[str, Any]:
    """One for each folder, since a folder that is made from the files' own would have the slug as its title."""
    slug = _slug(folder)
    return {
        "name": folder,
        "folder": folder,
        "folderUid": folder_uid(folder),
        "type": "file",
        "disableDeletion": False,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 10,
        "options": {"path": f"{where.config['grafana']}/dashboards/{slug}"},
    }


def _slug(folder: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")


def _sources(catalogue: Catalogue, where: Where) -> Iterator[dict[str, Any]]:
    yield _everything(catalogue, where) or _prometheus(catalogue, where)
    yield _source("Loki", DATASOURCE_LOKI, where.reach("loki"), jsonData={"derivedFields": [_log_to_trace()]})
    jaeger = reach_jaeger(catalogue.stack, where, "jaeger")
    yield _source("Jaeger", DATASOURCE_JAEGER, jaeger, jsonData=_from_traces())
    yield _source(
        "Alertmanager",
        DATASOURCE_ALERTMANAGER,
        where.reach("alertmanager"),
        jsonData={"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
    )


def _prometheus(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    return _source(
        "Prometheus",
        DATASOURCE_PROMETHEUS,
        where.reach("prometheus"),
        isDefault=True,
        jsonData={
            "httpMethod": "POST",
            "timeInterval": catalogue.defaults.scrape.interval,
            "prometheusType": "Prometheus",
            "alertmanagerUid": DATASOURCE_ALERTMANAGER,
            "exemplarTraceIdDestinations": [
                {"name": TRACE_ID, "datasourceUid": DATASOURCE_JAEGER, "urlDisplayLabel": "Open the trace"}
            ],
        },
    )


def _everything(catalogue: Catalogue, where: Where) -> dict[str, Any] | None:
    """What dashboards ask with shards: the engine, which sees them all. None where one Prometheus sees everything."""
    found = next(long_term_source(catalogue, where), None)
    if found is None or catalogue.stack.shard_count == 1:
        return None
    return {**found, "name": "Prometheus", "uid": DATASOURCE_PROMETHEUS, "isDefault": True}


def _further(catalogue: Catalogue, where: Where) -> Iterator[dict[str, Any]]:
    """The other members of what runs more than once, to be chosen where the first one is down.

    With shards the first one is among them: it has a share of the services, and is not what dashboards ask.
    """
    alertmanager = next(each for each in _sources(catalogue, where) if each["type"] == "alertmanager")
    first: dict[Replicated, dict[str, Any]] = {
        "prometheus": _prometheus(catalogue, where),
        "alertmanager": alertmanager,
    }
    spread = _everything(catalogue, where) is not None
    for part, source in first.items():
        host, _, port = where.reach(part).rpartition(":")
        for member in members(catalogue.stack, part):
            suffix = member.suffix or ("-0" if spread and part == "prometheus" else "")
            if suffix:
                yield {
                    **{key: value for key, value in source.items() if key != "isDefault"},
                    "name": f"{source['name']}{suffix.replace('-', ' ')}",
                    "uid": f"{source['uid']}{suffix}",
                    "url": f"http://{member.reach(where, host, int(port))}",
                }


def long_term_source(catalogue: Catalogue, where: Where) -> Iterator[dict[str, Any]]:
    """The engine that keeps metrics for years, of every tenant at once; nothing where there is none."""
    found = front(catalogue, where)
    if found is None:
        return
    header = {"httpHeaderName1": found.header} if found.everybody else {}
    value = {"httpHeaderValue1": found.everybody} if found.everybody else {}
    yield {
        "name": "Metrics, long term",
        "uid": DATASOURCE_LONG_TERM,
        "type": "prometheus",
        "access": "proxy",
        "url": found.query,
        "editable": False,
        "jsonData": {
            "httpMethod": "POST",
            "timeInterval": catalogue.defaults.scrape.interval,
            "prometheusType": "Mimir" if found.engine == "mimir" else "Thanos",
            "alertmanagerUid": DATASOURCE_ALERTMANAGER,
            "exemplarTraceIdDestinations": [
                {"name": TRACE_ID, "datasourceUid": DATASOURCE_JAEGER, "urlDisplayLabel": "Open the trace"}
            ],
            **header,
        },
        # Names of tenants are no secret; Grafana takes a header's value in no other place.
        **({"secureJsonData": value} if value else {}),
    }


def _source(name: str, uid: str, address: str, **more: Any) -> dict[str, Any]:
    url = f"http://{address}"
    return {"name": name, "uid": uid, "type": name.lower(), "access": "proxy", "url": url, "editable": False, **more}


def _log_to_trace() -> dict[str, Any]:
    return {
        "name": "Trace",
        "matcherType": "label",
        "matcherRegex": TRACE_ID,
        "datasourceUid": DATASOURCE_JAEGER,
        "url": "${__value.raw}",
        "urlDisplayLabel": "Open the trace",
    }


def _from_traces() -> dict[str, Any]:
    """From a span to the log lines of its service in this trace, and to its service's numbers at that time."""
    calls = f"traces_span_metrics_calls_total{{$__tags}}[{SPANS_WINDOW}]"
    errors = f'traces_span_metrics_calls_total{{$__tags, status_code="STATUS_CODE_ERROR"}}[{SPANS_WINDOW}]'
    buckets = f"traces_span_metrics_duration_milliseconds_bucket{{$__tags}}[{SPANS_WINDOW}]"
    return {
        "nodeGraph": {"enabled": True},
        "tracesToLogsV2": {
            "datasourceUid": DATASOURCE_LOKI,
            "spanStartTimeShift": "-1m",
            "spanEndTimeShift": "1m",
            "tags": [{"key": "service", "value": "service"}],
            "filterByTraceID": False,  # the query of our own does
            "filterBySpanID": False,
            "customQuery": True,
            "query": f'{{${{__tags}}}} | {TRACE_ID}="${{__span.traceId}}"',
        },
        "tracesToMetrics": {
            "datasourceUid": DATASOURCE_PROMETHEUS,
            "spanStartTimeShift": "-5m",
            "spanEndTimeShift": "5m",
            "tags": [{"key": "service", "value": "service_name"}],
            "queries": [
                {"name": "Spans per second", "query": f"sum(rate({calls}))"},
                {"name": "Errors per second", "query": f"sum(rate({errors}))"},
                {
                    "name": "99th percentile of span duration, ms",
                    "query": f"histogram_quantile(0.99, sum by (le) (rate({buckets})))",
                },
            ],
        },
    }


def _escaped(value: Any) -> Any:
    """The same data with `$$` for every `$`: Grafana would put environment variables in its place."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value
