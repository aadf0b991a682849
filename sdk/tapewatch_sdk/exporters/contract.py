"""The contract of an exporter: what a package implements to take the values of instruments to a backend.

An exporter is an object (or a class without parameters) that an entry point names. One that pushes derives from
`PushExporter` and writes `connect` alone: when to read, what to keep, when to try again is decided there, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from tapewatch_sdk.contract import Plugin
from tapewatch_sdk.errors import TapewatchError
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import Exemplar, HistogramValue
from tapewatch_sdk.sending.outbox import Counts

__all__ = [
    "Batch",
    "Collects",
    "Connection",
    "Counts",
    "Destination",
    "Export",
    "Exporter",
    "FamilyPoints",
    "NotNowError",
    "Point",
    "PointsRefusedError",
    "Source",
    "SummaryValue",
]

NO_EXEMPLARS: Mapping[float, Exemplar] = {}


class PointsRefusedError(TapewatchError):
    """A connection raises it for a batch that the backend will never take, or not all of, however often it is sent."""


class NotNowError(TapewatchError, OSError):
    """A connection raises it for a batch that the backend does not take now; any other `OSError` says the same.

    Parameters:
        reason: why, in words.
        after: seconds that the backend wants to be left alone; 0 when it did not say.
    """

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


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


class Point(NamedTuple):
    """One series at one moment.

    Parameters:
        labels: name -> value, the service's own (`service`, `team`, `environment`) among them: a backend must keep
            all of them as labels of the series. No value is empty.
        value: the number of a counter or a gauge, all of a histogram or a summary.
        exemplars: upper bound of a bucket -> what stands for it; for a counter under infinity.
    """

    labels: Mapping[str, str]
    value: float | HistogramValue | SummaryValue
    exemplars: Mapping[float, Exemplar] = NO_EXEMPLARS


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
        timestamp: that moment, in seconds since 1970; later by a millisecond at least than that of the batch before.
        started: since when the counters count, in seconds since 1970.
        families: families that have series.
        gone: series of the batch before that are no more, with the values that they had.
    """

    timestamp: float
    started: float
    families: Sequence[FamilyPoints]
    gone: Sequence[FamilyPoints] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Destination:
    """Where an exporter sends to.

    Parameters:
        url: the whole URL, without user and password, and without the exporter's name before it.
        user, password: for HTTP basic authentication; empty for none.
        token: a bearer token; empty for none.
        headers: further headers.
    """

    url: str
    user: str = ""
    password: str = ""
    token: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The URL as people may see it: without what follows `?`, which may be a key."""
        return self.url.partition("?")[0].partition("#")[0]

    def __repr__(self) -> str:
        return f"Destination({self.shown!r})"


class Collects(Protocol):
    """A registry: one of ours, one of prometheus-client's, or whatever else has its `collect`."""

    def collect(self) -> Iterable[Any]:
        """The metric families with their samples, as prometheus-client's `Metric`."""


class Source(Protocol):
    """What an exporter reads."""

    @property
    def interval(self) -> float:
        """Seconds from one batch to the next."""

    @property
    def buffer(self) -> int:
        """How many batches are kept while the backend takes none."""

    @property
    def registry(self) -> Collects:
        """The registry itself, for an exporter that is asked rather than sends."""

    def read(self) -> Batch:
        """Every series now, with the service's own labels; it never raises. Called in a background thread."""


class Connection(Protocol):
    """A way to one backend, as long as the export lasts; used by one thread, and used again after it has raised."""

    def send(self, batch: Batch) -> None:
        """Send a batch, and return when it was taken.

        Raises:
            PointsRefusedError: it never will be, or not all of it; the batch is counted and left.
            OSError: not now; it is sent again, with growing pauses. `NotNowError` may say when.
            Exception: anything else is a bug; it is logged once, and the batch is counted and left.
        """

    def close(self) -> None:
        """Give back what it holds."""


class Export(Protocol):
    """An exporter at work."""

    @property
    def counts(self) -> Counts:
        """What became of the batches, in this process."""

    @property
    def failure(self) -> str:
        """What was wrong with the last try; empty when it was taken, and before the first."""

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
