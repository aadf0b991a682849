"""The contract of an exporter: what a package implements to take the values of instruments to a backend.

An exporter is an object (or a class without parameters) that an entry point names. One that pushes derives from
`PushExporter` and writes `connect` alone: when to read, what to keep, when to try again is decided there, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from tapewatch_sdk.contract import Plugin
from tapewatch_sdk.errors import TapewatchError
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import Exemplar, HistogramValue
from tapewatch_sdk.sending.outbox import Counts

__all__ = [
    "Batch",
    "Connection",
    "Destination",
    "Export",
    "Exporter",
    "FamilyPoints",
    "Point",
    "PointsRefusedError",
    "Source",
    "SummaryValue",
]


class PointsRefusedError(TapewatchError):
    """A connection raises it for a batch that the backend will never take, however often it is sent."""


@dataclass(frozen=True, slots=True)
class SummaryValue:
    """All of one summary.

    Parameters:
        count: how many observations there were.
        sum: what they add up to.
        quantiles: quantile -> value; prometheus-client's Python summaries have none.
    """

    count: float
    sum: float
    quantiles: Mapping[float, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """One series at one moment.

    Parameters:
        labels: name -> value, the service's own (`service`, `team`, `environment`) among them: a backend must keep
            all of them as labels of the series.
        value: the number of a counter or a gauge, all of a histogram or a summary.
        exemplars: upper bound of a bucket -> what stands for it; for a counter under infinity.
    """

    labels: Mapping[str, str]
    value: float | HistogramValue | SummaryValue
    exemplars: Mapping[float, Exemplar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FamilyPoints:
    """One family and its series at one moment.

    Parameters:
        name: the name as it is exposed, which must arrive byte for byte; a counter's ends in `_total`.
        type: counter, gauge, histogram or summary.
        description: one line for people.
        points: a point for each series.
    """

    name: str
    type: MetricType
    description: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Batch:
    """Every series of a service at one moment.

    Parameters:
        timestamp: that moment, in seconds since 1970.
        started: since when the counters count, in seconds since 1970.
        families: families that have series.
    """

    timestamp: float
    started: float
    families: Sequence[FamilyPoints]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an exporter sends to.

    Parameters:
        url: the whole URL, without user and password.
        user, password: for HTTP basic authentication; empty for none.
        token: a bearer token; empty for none.
        headers: further headers.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Source(Protocol):
    """What an exporter reads."""

    @property
    def interval(self) -> float:
        """Seconds from one batch to the next."""

    def read(self) -> Batch:
        """Every series now, with the service's own labels; it never raises. Called in a background thread."""


class Connection(Protocol):
    """A connection of one that pushes; used by one thread."""

    def send(self, batch: Batch) -> None:
        """Send a batch, and return when it was taken.

        Raises:
            PointsRefusedError: it never will be; the batch is counted and left.
            OSError: not now; it is sent again, with growing pauses.
            Exception: anything else is a bug; it is logged once, and the batch is counted and left.
        """

    def close(self) -> None:
        """Give back what it holds."""


class Export(Protocol):
    """An exporter at work."""

    @property
    def counts(self) -> Counts:
        """What became of the batches, in this process."""

    def flush(self, timeout: float = 5.0) -> bool:
        """Send the values of now, and wait until they are taken; False when that took longer."""

    def close(self, timeout: float = 2.0) -> bool:
        """Flush, and end; False when something was left."""


@runtime_checkable
class Exporter(Plugin, Protocol):
    """Takes the values of instruments to a backend, in the background."""

    def start(self, source: Source, destination: Destination) -> Export:
        """Begin, and return at once: a dead backend is no error here.

        Raises:
            ProblemsError: the destination is wrong, or a package is missing that it needs.
        """
