"""Services that push, as Prometheus has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, cast

from tapewatch.catalogue import Catalogue, seconds
from tapewatch.running.clients import Prometheus, RefusedError
from tapewatch.verifying.exposition import Exposed, Exposition, Sample
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.names import EXPECTED, UPTIME
from tapewatch_sdk.problems import Place, Problem

__all__ = ["NotPushedError", "Store"]

SLOW = 30.0
"""Seconds that Prometheus may take for one question: a service that pushes may have very many series."""

PUSHES = 2
"""Push intervals within which a series must have come: one push may be on its way."""

_MADE_HERE = frozenset({"ALERTS", "ALERTS_FOR_STATE", EXPECTED, "up"})
"""Series that Prometheus itself makes for a service; so are those of recording rules, which have a colon."""

_SINGLE = "single value"
_NATIVE = "native histogram"


class NotPushedError(Exception):
    """Nothing of a service came lately.

    Parameters:
        age: seconds since its last sample; `None` when there is none in the last hour.
    """

    def __init__(self, age: float | None) -> None:
        self.age = age
        super().__init__(age)


class Store:
    """What Prometheus knows of services that push.

    Parameters:
        prometheus: the server.
        catalogue: the catalogue.
    """

    def __init__(self, prometheus: Prometheus, catalogue: Catalogue) -> None:
        self._prometheus = prometheus
        self._catalogue = catalogue

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._prometheus.url

    def targets(self, service: str) -> list[str]:
        """The URLs at which Prometheus scrapes a service now.

        Raises:
            ToolError: Prometheus does not answer.
        """
        if isinstance(self._targets, ToolError):
            raise self._targets
        return sorted({each["scrapeUrl"] for each in self._targets if each["scrapePool"] == f"service-{service}"})

    @cached_property
    def _targets(self) -> list[dict[str, Any]] | ToolError:
        """All that Prometheus scrapes, or why that is not known: asked for once, since silence costs time."""
        try:
            return list(self._get("/api/v1/targets", state="active")["activeTargets"])
        except ToolError as error:
            return error

    def pushes(self, service: str) -> tuple[Exposition, Exposition | None]:
        """A service's newest whole push, and the one before if it is still there.

        Raises:
            NotPushedError: there is none.
            ToolError: Prometheus does not answer.
        """
        interval = seconds(self._catalogue.services[service].push.interval)
        window = f"{round(PUSHES * interval * 1000)}ms"
        series = [each for each in self._ask(f'{{service="{service}"}}[{window}]') if _is_pushed(each["metric"])]
        if not series:
            raise NotPushedError(self._age(service))
        newest, earlier = _whole(series)
        types = self._types(service)
        declared = [each for each in self._catalogue.families.values() if each.domain in self._catalogue.emits[service]]
        exposed = _exposition(_at(series, newest), declared, types)
        return exposed, None if earlier is None else _exposition(_at(series, earlier), declared, types)

    def _ask(self, expr: str) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self._get("/api/v1/query", query=expr)["result"])

    def _get(self, path: str, **parameters: str) -> Mapping[str, Any]:
        try:
            data = self._prometheus.get_json(path, SLOW, **parameters)["data"]
        except RefusedError as error:
            raise ToolError([_no_prometheus(self.url, f"refuses: {error.status} {error.reason[:300]}")]) from None
        except ToolError as error:
            cause = error.__cause__
            raise ToolError([_no_prometheus(self.url, f"does not answer: {getattr(cause, 'reason', cause)}")]) from None
        except (ValueError, LookupError, TypeError):
            raise ToolError([_no_prometheus(self.url, "answers as no Prometheus does")]) from None
        return cast(Mapping[str, Any], data)

    def _age(self, service: str) -> float | None:
        """Seconds since the last sample, of the last hour."""
        selector = f'service="{service}"'
        names = {
            each["metric"]["__name__"]
            for each in self._ask(f"count by (__name__) (last_over_time({{{selector}}}[1h]))")
        }
        found = sorted(name for name in names if _is_pushed({"__name__": name}))
        if not found:
            return None
        name = UPTIME if UPTIME in found else found[0]
        ages = self._ask(f'time() - max(max_over_time(timestamp({{__name__="{name}",{selector}}})[1h:1s]))')
        return float(ages[0]["value"][1]) if ages else None

    def _types(self, service: str) -> Mapping[str, str]:
        """The types that Prometheus knows: only of what was scraped, as through a gateway, and nobody else emits."""
        told = self._get("/api/v1/metadata")
        shared = {domain for name, domains in self._catalogue.emits.items() if name != service for domain in domains}
        return {
            name: entries[0]["type"]
            for name, family in self._catalogue.families.items()
            if family.domain not in shared
            and (entries := told.get(name) or told.get(name.removesuffix("_total")))
            and entries[0]["type"] not in ("unknown", "untyped", "")
        }


def _no_prometheus(url: str, what: str) -> Problem:
    return Problem(
        "verify/no-prometheus",
        f"the Prometheus at {url} {what}",
        "it can be asked: it tells of services that push, and of targets that are discovered",
        "start it with `tapewatch up`, name another with --prometheus, or name the services that need none",
        Place(path=url),
    )


def _is_pushed(labels: Mapping[str, str]) -> bool:
    name = labels["__name__"]
    return name not in _MADE_HERE and ":" not in name and not name.startswith("scrape_")


def _points(series: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """Times and values of a series; a native histogram's value is of no interest."""
    for time, value in series.get("values", ()):
        yield float(time), float(value)
    for time, _ in series.get("histograms", ()):
        yield float(time), 0.0


def _whole(series: Iterable[Mapping[str, Any]]) -> tuple[float, float | None]:
    """The times of the two newest pushes that hold as much as any: a push may just be coming in."""
    counts = Counter(time for each in series for time, _ in _points(each))
    times = sorted(time for time, count in counts.items() if count == max(counts.values()))
    return times[-1], times[-2] if len(times) > 1 else None


def _at(series: Iterable[Mapping[str, Any]], time: float) -> Iterator[tuple[Sample, bool]]:
    """Each series at a time, else as it was last; and whether it is a native histogram."""
    for each in series:
        points = dict(_points(each))
        labels = {name: value for name, value in each["metric"].items() if name != "__name__"}
        value = points.get(time, points[max(points)])
        yield Sample(each["metric"]["__name__"], labels, value), "histograms" in each


def _exposition(
    samples: Iterable[tuple[Sample, bool]], declared: Iterable[Family], types: Mapping[str, str]
) -> Exposition:
    """The samples by family. Prometheus has no types of what is pushed: they follow from the shape, where they can."""
    families = {family.name: family for family in declared}
    parts = {part: family.name for family in families.values() for part in family.series_names}
    found = list(samples)
    for base in {sample.name.removesuffix("_bucket") for sample, _ in found if "le" in sample.labels}:
        parts = {f"{base}{ending}": base for ending in ("_bucket", "_sum", "_count")} | parts
    exposed: dict[str, Exposed] = {}
    natives = set()
    for sample, native in found:
        name = parts.get(sample.name, sample.name)
        exposed.setdefault(name, Exposed(name)).samples.append(sample)
        if native:
            natives.add(name)
    for name, family in exposed.items():
        family.type = types.get(name) or (_NATIVE if name in natives else _shape(family, families.get(name)))
    return Exposition(exposed)


def _shape(exposed: Exposed, declared: Family | None) -> str:
    names = {sample.name for sample in exposed.samples}
    if f"{exposed.name}_bucket" in names:
        return MetricType.HISTOGRAM
    if f"{exposed.name}_count" in names or any("quantile" in sample.labels for sample in exposed.samples):
        return MetricType.SUMMARY
    if declared is not None and declared.type in (MetricType.COUNTER, MetricType.GAUGE):
        return declared.type  # the two look alike
    return _SINGLE
