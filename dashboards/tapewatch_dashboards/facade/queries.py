"""Queries, by the data source that they go to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from grafanalib import core

from tapewatch_sdk.names import DATASOURCE_JAEGER, DATASOURCE_LOKI

__all__ = ["JAEGER", "LOKI", "PROMETHEUS", "Dependencies", "LogQuery", "Query", "Spans", "targets_of"]

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
LOKI = {"type": "loki", "uid": DATASOURCE_LOKI}
JAEGER = {"type": "jaeger", "uid": DATASOURCE_JAEGER}


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL query.

    Parameters:
        expr: PromQL; `$__rate_interval` and the dashboard's variables may be used.
        legend: template of the legend, `{{label}}`.
        instant: only the newest value, for stat panels and tables.
        exemplar: whether exemplars are drawn, which lead to their traces.
        format: `time_series`, `table` or `heatmap`.
        step: how far apart samples are, where that is more than the data source knows: `$__rate_interval` is at least
            four times as long. `Sheet.step` knows that of a family.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    exemplar: bool = False
    format: str = ""
    step: str = ""

    source = PROMETHEUS

    def fields(self) -> dict[str, Any]:
        """The query as Grafana's data source has it."""
        plain = "table" if self.instant and not self.legend else "time_series"
        kind = {"instant": True} if self.instant else {"range": True}
        return {
            "expr": self.expr,
            "format": self.format or plain,
            **({"legendFormat": self.legend} if self.legend else {}),
            **kind,
            **({"exemplar": True} if self.exemplar else {}),
            **({"interval": self.step} if self.step else {}),
        }


@dataclass(frozen=True, slots=True)
class LogQuery:
    """A LogQL query.

    Parameters:
        expr: LogQL.
        limit: how many lines are read at most.
    """

    expr: str
    limit: int = 100

    source = LOKI

    def fields(self) -> dict[str, Any]:
        """The query as Grafana's data source has it."""
        return {"expr": self.expr, "queryType": "range", "maxLines": self.limit}


@dataclass(frozen=True, slots=True)
class Spans:
    """A search for traces in Jaeger.

    Parameters:
        service: the service that takes part in them; a variable without multiple values.
        limit: how many traces are found at most.
    """

    service: str
    limit: int = 20

    source = JAEGER

    def fields(self) -> dict[str, Any]:
        """The query as Grafana's data source has it."""
        return {"queryType": "search", "service": self.service, "limit": self.limit}


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Who calls whom, as Jaeger saw it."""

    source = JAEGER

    def fields(self) -> dict[str, Any]:
        """The query as Grafana's data source has it; 9.4 does not know it, and says so."""
        return {"queryType": "dependencyGraph"}


AnyQuery = Query | LogQuery | Spans | Dependencies


class Target(core.Target):  # type: ignore[misc]
    """grafanalib's target, with exactly the keys of its data source.

    Parameters:
        query: the query.
        ref: its letter.
    """

    def __init__(self, query: AnyQuery, ref: str) -> None:
        super().__init__(refId=ref, datasource=query.source)
        self.query = query

    def to_json_data(self) -> dict[str, Any]:
        """The target's JSON."""
        return {"refId": self.refId, "datasource": self.datasource, **self.query.fields()}


def targets_of(queries: Sequence[AnyQuery]) -> Iterator[Target]:
    """A target for each query, lettered from A."""
    return (Target(query, ref) for query, ref in zip(queries, ascii_uppercase, strict=False))
