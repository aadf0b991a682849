"""Follows the links that Grafana is provisioned with, as Grafana does: every URL, UID, field and query of the way is
read from the generated files, so that a wrong one leads nowhere.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import yaml

from tapewatch import layout
from tapewatch.panels import all_panels
from tapewatch.running.clients import Alertmanager, Jaeger, Loki, Prometheus
from tapewatch.schema.types import seconds
from tapewatch.viewing import Moment

__all__ = ["Exemplar", "Line", "Links", "LostError", "Span"]

_SHIFT = re.compile(r"(?P<sign>-?)(?P<length>\d+[smhd])")
_PLACE = re.compile(r"\$\{(?P<braced>[^}]+)\}|\$(?P<plain>__\w+)")


class LostError(LookupError):
    """A link leads nowhere."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A dot in a graph.

    Parameters:
        source: UID of the data source whose graph it is in.
        labels: its labels; one of them is a trace's id.
        value: what was observed.
        panel: title of the panel that draws it.
    """

    source: str
    labels: Mapping[str, str]
    value: float
    panel: str


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a trace that is open.

    Parameters:
        source: UID of the data source that it is from.
        trace: the trace's id.
        id: its own.
        service: its service's name.
        tags: of the span and of its process.
        start, end: Unix times in seconds.
    """

    source: str
    trace: str
    id: str
    service: str
    tags: Mapping[str, str]
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Line:
    """A log line.

    Parameters:
        source: UID of the data source that it is from.
        labels: its labels and structured metadata.
        text: what it says.
    """

    source: str
    labels: Mapping[str, str]
    text: str


class Links:
    """The provisioned data sources and dashboards.

    Parameters:
        folder: of the project.
        change: works on the data sources before they are read; for tests that break them.
    """

    def __init__(self, folder: Path, change: Mapping[tuple[str | int, ...], Any] | None = None) -> None:
        path = folder / layout.GRAFANA / "provisioning" / "datasources" / "tapewatch.yml"
        sources = yaml.safe_load(path.read_text(encoding="utf-8"))["datasources"]
        for place, value in (change or {}).items():
            _put(sources, place, value)
        self.file = sources
        self._sources = {each["uid"]: _unescaped(each) for each in sources}
        texts = [each.read_text(encoding="utf-8") for each in sorted((folder / layout.DASHBOARDS).rglob("*.json"))]
        self._boards = {board["uid"]: board for board in map(json.loads, texts)}

    def source(self, uid: str, kind: str) -> dict[str, Any]:
        """A data source.

        Raises:
            LostError: there is none of that UID and type.
        """
        found = self._sources.get(uid)
        if found is None or found["type"] != kind:
            raise LostError(f"no data source of type {kind} has the UID {uid}")
        return dict(found)

    def the_default(self) -> str:
        """UID of the data source that dashboards open with."""
        return str(next(uid for uid, each in self._sources.items() if each.get("isDefault")))

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that Grafana shows beside its default data source."""
        linked = self.source(self.the_default(), "prometheus")["jsonData"]["alertmanagerUid"]
        source = self.source(linked, "alertmanager")
        if source["jsonData"]["implementation"] != "prometheus":
            raise LostError("Grafana asks Mimir's or Cortex's API of an Alertmanager that is none of theirs")
        return Alertmanager(source["url"]).alerts()

    def exemplars(self, alert: Mapping[str, Any], moment: Moment) -> list[Exemplar]:
        """The dots in the graphs of the dashboard that an alert links to, the largest value first."""
        link = urlsplit(str(alert["annotations"]["dashboard_url"]))
        uid = link.path.removeprefix("/d/").partition("/")[0]
        if uid not in self._boards:
            raise LostError(f"no dashboard has the UID {uid}")
        board = self._boards[uid]
        chosen = {name.removeprefix("var-"): values[0] for name, values in parse_qs(link.query).items()}
        known = {each["name"] for each in board["templating"]["list"]}
        if unknown := chosen.keys() - known:
            raise LostError(f"the alert sets {', '.join(unknown)}, which dashboard {uid} does not have")
        values = {**dict.fromkeys(known, ".*"), **chosen, "datasource": self.the_default()}
        found = [each for panel in all_panels(board) for each in self._dots(panel, moment, values)]
        return sorted(found, key=lambda each: each.value, reverse=True)

    def _dots(self, panel: Mapping[str, Any], moment: Moment, values: Mapping[str, str]) -> Iterator[Exemplar]:
        for target in panel.get("targets", ()):
            if not target.get("exemplar"):
                continue
            uid = moment.fill(target["datasource"]["uid"], values)
            server = Prometheus(self.source(uid, "prometheus")["url"])
            path = _path("/api/v1/query_exemplars", moment.start, moment.end, query=moment.fill(target["expr"], values))
            for series in server.get_json(path)["data"]:
                for dot in series["exemplars"]:
                    yield Exemplar(uid, dot["labels"], float(dot["value"]), panel["title"])

    def trace_of_exemplar(self, exemplar: Exemplar) -> list[Span]:
        """The trace behind a dot."""
        source = self.source(exemplar.source, "prometheus")
        for link in source["jsonData"]["exemplarTraceIdDestinations"]:
            if link["name"] in exemplar.labels:
                return self.trace(link["datasourceUid"], exemplar.labels[link["name"]])
        raise LostError(f"no link knows one of the exemplar's labels {', '.join(exemplar.labels)}")

    def trace(self, uid: str, trace: str) -> list[Span]:
        """The spans of a trace, as Grafana's Jaeger data source asks for them."""
        url = self.source(uid, "jaeger")["url"]
        found = Jaeger(url).get_json(f"/api/traces/{trace}")["data"] if re.fullmatch("[0-9a-f]{32}", trace) else ()
        if not found:
            raise LostError(f"there is no trace {trace!r}")
        (whole,) = found
        return [_span(uid, each, whole["processes"][each["processID"]]) for each in whole["spans"]]

    def logs(self, span: Span) -> list[Line]:
        """The log lines behind a span."""
        link = self.source(span.source, "jaeger")["jsonData"]["tracesToLogsV2"]
        source = self.source(link["datasourceUid"], "loki")
        if not link["customQuery"]:
            raise LostError("without customQuery the query of our own is not asked")
        query = _filled(link["query"], span, _tags(link["tags"], span))
        start, end = span.start + _shift(link["spanStartTimeShift"]), span.end + _shift(link["spanEndTimeShift"])
        found = Loki(source["url"]).get_json(_path("/loki/api/v1/query_range", start, end, query=query, limit="100"))
        return [
            Line(source["uid"], stream["stream"], text)
            for stream in found["data"]["result"]
            for _, text, *_ in stream["values"]
        ]

    def trace_of_line(self, line: Line) -> list[Span]:
        """The trace that a log line belongs to."""
        for field in self.source(line.source, "loki")["jsonData"]["derivedFields"]:
            if field["matcherType"] != "label":
                raise LostError("only labels are looked at")
            value = next((line.labels[name] for name in line.labels if re.fullmatch(field["matcherRegex"], name)), "")
            if value:
                return self.trace(field["datasourceUid"], field["url"].replace("${__value.raw}", value))
        raise LostError(f"no link knows one of the line's labels {', '.join(line.labels)}")

    def numbers(self, span: Span, scrape: float) -> dict[str, float]:
        """The largest number of each query for a span's service, by the query's name; -1 where there is none.

        Parameters:
            span: the span.
            scrape: seconds between two scrapes.
        """
        link = self.source(span.source, "jaeger")["jsonData"]["tracesToMetrics"]
        source = self.source(link["datasourceUid"], "prometheus")
        start, end = span.start + _shift(link["spanStartTimeShift"]), span.end + _shift(link["spanEndTimeShift"])
        numbers = {}
        for query in link["queries"]:
            text = _filled(query["query"], span, _tags(link["tags"], span))
            expr = Moment(start, end, scrape).fill(text, {})
            path = _path("/api/v1/query_range", start, end, query=expr, step=f"{scrape:g}")
            found = Prometheus(source["url"]).get_json(path)["data"]["result"]
            values = [float(value) for each in found for _, value in each["values"]]
            numbers[query["name"]] = max(filter(math.isfinite, values), default=-1.0)
        return numbers


def _span(uid: str, said: Mapping[str, Any], process: Mapping[str, Any]) -> Span:
    tags = {each["key"]: str(each["value"]) for each in [*process["tags"], *said["tags"]]}
    start = said["startTime"] / 1e6
    end = start + said["duration"] / 1e6
    return Span(uid, said["traceID"], said["spanID"], process["serviceName"], tags, start, end)


def _tags(mapping: Sequence[Mapping[str, str]], span: Span) -> str:
    """The tags of a span as matchers; Grafana leaves out those that the span does not have."""
    return ", ".join(f'{each["value"]}="{span.tags[each["key"]]}"' for each in mapping if each["key"] in span.tags)


def _filled(text: str, span: Span, tags: str) -> str:
    known = {"__tags": tags, "__span.traceId": span.trace, "__span.spanId": span.id}
    return _PLACE.sub(lambda match: known.get(match["braced"] or match["plain"], match[0]), text)


def _shift(text: str) -> float:
    match = _SHIFT.fullmatch(text)
    if match is None:
        raise LostError(f"{text} is no shift of time")
    return seconds(match["length"]) * (-1 if match["sign"] else 1)


def _path(path: str, start: float, end: float, **parameters: str) -> str:
    return f"{path}?{urlencode({'start': f'{start:.3f}', 'end': f'{end:.3f}', **parameters})}"


def _unescaped(value: Any) -> Any:
    """What Grafana reads: `$$` is a `$`."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: _unescaped(each) for key, each in value.items()}
    return [_unescaped(each) for each in value] if isinstance(value, list) else value


def _put(data: Any, place: tuple[str | int, ...], value: Any) -> None:
    for part in place[:-1]:
        data = data[part]
    data[place[-1]] = value
