"""Between our instruments and prometheus-client, which is imported here alone, and only once it is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments._instrument import Instrument
from tapewatch_sdk.instruments._names import claimed
from tapewatch_sdk.instruments.samples import Exemplar, Sample

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.registry import Collector

__all__ = ["Described", "Restricted", "claimed_by", "described", "from_metric", "rendered", "to_metric"]

_SUFFIXES = {
    "counter": claimed("", MetricType.COUNTER),
    "histogram": claimed("", MetricType.HISTOGRAM),
    "summary": ("", "_sum", "_count", "_created"),
    "gaugehistogram": ("", "_bucket", "_gsum", "_gcount"),
    "info": ("", "_info"),
}
"""The series of a family by its type, for types that have more than one; prometheus-client reserves the same."""


class Described(NamedTuple):
    """What is told of a family: its name, with a counter's `_total`, its type and its description."""

    name: str
    kind: str
    description: str


class _Registry(Protocol):
    def collect(self) -> Iterable[Metric]: ...


class Restricted:
    """A collector of some series of a registry.

    Parameters:
        registry: where they are.
        names: the names of the series.
    """

    def __init__(self, registry: _Registry, names: frozenset[str]) -> None:
        self._registry = registry
        self._names = names

    def collect(self) -> Iterator[Metric]:
        """The families that have such series, with those alone."""
        for metric in self._registry.collect():
            samples = [sample for sample in metric.samples if sample.name in self._names]
            if samples:
                metric.samples = samples
                yield metric


def described(member: Any) -> Iterable[Metric]:
    """The families of a member of a registry; of an instrument without its values."""
    if isinstance(member, Instrument):
        return [_empty(member)]
    describe: Callable[[], Iterable[Metric]] = getattr(member, "describe", member.collect)
    return describe()


def to_metric(instrument: Instrument[Any]) -> Metric:
    """An instrument as a `Metric`, with its values."""
    from prometheus_client.samples import Exemplar as TheirExemplar

    metric = _empty(instrument)
    for name, labels, value, _, exemplar in instrument.collect():
        theirs = TheirExemplar(dict(exemplar.labels), exemplar.value, exemplar.timestamp) if exemplar else None
        metric.add_sample(name, dict(labels), value, None, theirs)
    return metric


def from_metric(metric: Metric) -> tuple[Described, list[Sample]]:
    """A foreign family as our samples."""
    now = time.time()
    samples = []
    for name, labels, value, timestamp, exemplar, *_ in metric.samples:
        when = now if timestamp is None else float(timestamp)
        ours = exemplar and Exemplar(exemplar.labels, exemplar.value, float(exemplar.timestamp or when))
        samples.append(Sample(name, labels, float(value), when, ours))
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return Described(name, metric.type, metric.documentation), samples


def claimed_by(collector: Collector) -> list[str]:
    """The names of series that a foreign collector takes for itself."""
    return [metric.name + suffix for metric in described(collector) for suffix in _SUFFIXES.get(metric.type, ("",))]


def rendered(metrics: Iterable[Metric], escaping: str, *, openmetrics: bool) -> str:
    """Families as prometheus-client writes them."""
    from prometheus_client import exposition
    from prometheus_client.openmetrics import exposition as openmetrics_exposition

    once: Any = _Once(metrics)
    if not openmetrics:
        return exposition.generate_latest(once, escaping).decode()
    # The module has no annotations.
    written: bytes = openmetrics_exposition.generate_latest(once, escaping)  # type: ignore[no-untyped-call]
    return written.decode().removesuffix("# EOF\n")


def _empty(instrument: Instrument[Any]) -> Metric:
    from prometheus_client import Metric

    return Metric(instrument.family, instrument.description, str(instrument.kind))


class _Once:
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
