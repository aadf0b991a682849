"""Asks the data sources what Grafana would ask them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tapewatch.panels import query_text
from tapewatch.running.clients import Jaeger, Loki, Prometheus
from tapewatch.viewing.answers import Answer, Line, Series
from tapewatch.viewing.moment import Moment
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.names import DATASOURCE_JAEGER, DATASOURCE_LOKI, DATASOURCE_PROMETHEUS

__all__ = ["Sources"]

TIMEOUT = 30.0
"""Seconds that a query may take; Grafana gives up after as many."""

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the data sources are; a panel of one that is not given has no answers.

    Parameters:
        prometheus, loki, jaeger: URLs, such as `http://127.0.0.1:9090`.
    """

    prometheus: str = ""
    loki: str = ""
    jaeger: str = ""

    def reach(self) -> None:
        """Make sure that each one that is given answers.

        Raises:
            ToolError: one does not, or is not ready.
        """
        for server, path in (
            (Prometheus(self.prometheus), "/-/ready"),
            (Loki(self.loki), "/ready"),
            (Jaeger(self.jaeger), "/api/services"),
        ):
            if server.url:
                server.get(path)

    def asks(self, uid: str) -> bool:
        """Whether queries of this data source can be asked."""
        return bool(self._url(uid))

    def ask(
        self, uid: str, target: Mapping[str, Any], moment: Moment, chosen: Mapping[str, str], least: float = 0.0
    ) -> Answer:
        """What a query of a panel brings; an error is part of the answer.

        Parameters:
            uid: the data source's UID.
            target: the query's model.
            moment: the time range.
            chosen: what was chosen, by variable.
            least: the panel's own smallest interval, in seconds.
        """
        began = time.monotonic()
        filled = {
            key: moment.fill(value, chosen, least) if isinstance(value, str) else value for key, value in target.items()
        }
        ref, query = str(target.get("refId", "")), query_text(filled)
        try:
            series, lines = self._asked(uid, filled, moment, least)
        except (ToolError, LookupError, TypeError, ValueError) as error:
            return Answer(ref, query, error=_reason(error), seconds=time.monotonic() - began)
        return Answer(ref, query, series, lines, seconds=time.monotonic() - began)

    def values(self, selector: str, label: str, moment: Moment) -> list[str]:
        """The values of a label, for a variable.

        Raises:
            ToolError: Prometheus refuses the selector, or does not answer.
        """
        times = {"start": f"{moment.start:.3f}", "end": f"{moment.end:.3f}"}
        path = f"/api/v1/label/{label}/values"
        found = Prometheus(self.prometheus).get_json(path, TIMEOUT, **{"match[]": selector}, **times)["data"]
        return sorted(map(str, found))

    def _url(self, uid: str) -> str:
        urls = {DATASOURCE_PROMETHEUS: self.prometheus, DATASOURCE_LOKI: self.loki, DATASOURCE_JAEGER: self.jaeger}
        return urls.get(uid, "")

    def _asked(
        self, uid: str, target: Mapping[str, Any], moment: Moment, least: float
    ) -> tuple[Sequence[Series], Sequence[Line]]:
        if uid == DATASOURCE_PROMETHEUS:
            return list(_prometheus(self.prometheus, target, moment, least)), ()
        if uid == DATASOURCE_LOKI:
            return (), list(_loki(self.loki, target, moment))
        if target.get("queryType") == "dependencyGraph":
            return (), list(_dependencies(self.jaeger, moment))
        return (), list(_traces(self.jaeger, target, moment))


def _prometheus(url: str, target: Mapping[str, Any], moment: Moment, least: float) -> Iterator[Series]:
    server, expr = Prometheus(url), str(target["expr"])
    if target.get("instant"):
        found = server.get_json("/api/v1/query", TIMEOUT, query=expr, time=f"{moment.end:.3f}")
    else:
        step = moment.step(least)
        start = moment.start // step * step
        times = {"start": f"{start:.3f}", "end": f"{moment.end:.3f}", "step": str(step)}
        found = server.get_json("/api/v1/query_range", TIMEOUT, query=expr, **times)
    if found["data"]["resultType"] in ("scalar", "string"):
        at, value = found["data"]["result"]
        yield Series(str(target.get("legendFormat", "")), {}, [(float(at), float(value))])
        return
    for each in found["data"]["result"]:
        points = each.get("values") or [each["value"]]
        yield Series(_legend(target, each["metric"]), each["metric"], [(float(at), float(v)) for at, v in points])


def _legend(target: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    template = str(target.get("legendFormat") or "")
    if template and template != "__auto":
        return _LABEL.sub(lambda match: labels.get(match[1], ""), template)
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__")


def _loki(url: str, target: Mapping[str, Any], moment: Moment) -> Iterator[Line]:
    found = Loki(url).get_json(
        "/loki/api/v1/query_range",
        TIMEOUT,
        query=str(target["expr"]),
        start=str(int(moment.start * 1e9)),
        end=str(int(moment.end * 1e9)),
        limit=str(target.get("maxLines") or 100),
    )
    lines = [
        Line(int(at) / 1e9, text, stream["stream"])
        for stream in found["data"]["result"]
        for at, text, *_ in stream["values"]
    ]
    yield from sorted(lines, key=lambda line: line.timestamp, reverse=True)


def _traces(url: str, target: Mapping[str, Any], moment: Moment) -> Iterator[Line]:
    found = Jaeger(url).get_json(
        "/api/traces",
        TIMEOUT,
        service=str(target["service"]),
        limit=str(target.get("limit") or 20),
        start=str(int(moment.start * 1e6)),
        end=str(int(moment.end * 1e6)),
    )
    for trace in found["data"]:
        first = min(trace["spans"], key=lambda span: int(span["startTime"]))
        service = trace["processes"][first["processID"]]["serviceName"]
        at = int(first["startTime"]) / 1e6
        words = f"{service}: {first['operationName']}"
        facts = {"duration_ms": f"{int(first['duration']) / 1e3:.3f}", "spans": str(len(trace["spans"]))}
        yield Line(at, words, {"trace_id": trace["traceID"], "time": _clock(at), **facts})


def _dependencies(url: str, moment: Moment) -> Iterator[Line]:
    lookback = max(moment.end - moment.start, _HOUR)
    found = Jaeger(url).get_json(
        "/api/dependencies", TIMEOUT, endTs=str(int(moment.end * 1e3)), lookback=str(int(lookback * 1e3))
    )
    for call in found["data"] or ():
        labels = {"parent": call["parent"], "child": call["child"], "calls": str(call["callCount"])}
        yield Line(0.0, f"{call['parent']} calls {call['child']}", labels)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", "")
    try:
        reason = str(json.loads(reason)["error"])
    except (ValueError, LookupError, TypeError):
        reason = reason or str(error)
    return " ".join(reason.split())[:500]
