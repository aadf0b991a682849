"""Exemplars: where they come from, where they are kept, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sdk.instruments.reading import dropped
from tapewatch_sdk.instruments import (
    Exemplar,
    Histogram,
    InstrumentError,
    MetricsRegistry,
    generate_openmetrics,
    generate_text,
    set_exemplar_source,
)

pytestmark = pytest.mark.usefixtures("no_exemplar_source")

TRACE = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}


@pytest.fixture
def latency(registry: MetricsRegistry, monkeypatch: pytest.MonkeyPatch) -> Histogram:
    monkeypatch.setattr("time.time", lambda: 1700.5)
    return registry.histogram("wait", buckets=[1, 2])


def kept(latency: Histogram) -> list[Exemplar | None]:
    """The exemplar of each bucket."""
    return [sample.exemplar for sample in latency.collect() if "le" in sample.labels]


def test_the_source_gives_each_observation_its_trace(latency: Histogram) -> None:
    set_exemplar_source(lambda: TRACE)
    latency.observe(0.5)
    latency.labels().observe(7)

    assert kept(latency) == [Exemplar(TRACE, 0.5, 1700.5), None, Exemplar(TRACE, 7.0, 1700.5)]
    assert latency.get().count == 2.0


def test_the_last_exemplar_of_a_bucket_is_kept(latency: Histogram) -> None:
    latency.observe(0.5, exemplar={"trace_id": "a"})
    latency.observe(0.25, exemplar={"trace_id": "b"})

    assert kept(latency)[0] == Exemplar({"trace_id": "b"}, 0.25, 1700.5)


def test_an_exemplar_that_is_given_wins_over_the_source(latency: Histogram) -> None:
    set_exemplar_source(lambda: TRACE)
    latency.observe(0.5, exemplar={"trace_id": "mine"})

    assert kept(latency)[0] == Exemplar({"trace_id": "mine"}, 0.5, 1700.5)


def test_there_is_no_exemplar_where_no_trace_is_recorded(latency: Histogram) -> None:
    set_exemplar_source(lambda: None)
    latency.observe(0.5)

    assert kept(latency) == [None, None, None]
    assert latency.get().count == 1.0


def test_nan_has_no_bucket_and_so_no_exemplar(latency: Histogram) -> None:
    latency.observe(float("nan"), exemplar=TRACE)

    assert kept(latency) == [None, None, None]


def test_exemplars_are_in_openmetrics_only(registry: MetricsRegistry, latency: Histogram) -> None:
    latency.observe(0.5, exemplar={"trace_id": "abc"})

    assert b'live_wait_bucket{le="1.0"} 1.0 # {trace_id="abc"} 0.5 1700.5\n' in generate_openmetrics(registry)
    assert b"trace_id" not in generate_text(registry)


def test_a_source_that_raises_costs_the_exemplar_and_not_the_observation(
    registry: MetricsRegistry, latency: Histogram
) -> None:
    def broken() -> dict[str, str]:
        raise RuntimeError("no trace")

    set_exemplar_source(broken)
    latency.observe(0.5)

    assert latency.get().count == 1.0
    assert dropped(registry, "live_wait", "exemplar") == 1.0


BAD: list[Any] = [
    {"trace_id": "x" * 121}, {"trace_id": 5}, {5: "x"}, {"a b": "x"}, {"trace_id": "\ud800"}, {"": "x"}, ["trace"], 5,
]  # fmt: skip


@pytest.mark.parametrize("exemplar", BAD, ids=range(len(BAD)))
def test_what_cannot_be_exposed_is_dropped_and_the_observation_kept(
    registry: MetricsRegistry, latency: Histogram, exemplar: Any
) -> None:
    latency.observe(0.5, exemplar=exemplar)

    assert kept(latency) == [None, None, None]
    assert latency.get().count == 1.0
    assert dropped(registry, "live_wait", "exemplar") == 1.0


def test_an_exemplar_may_be_as_long_as_openmetrics_allows(latency: Histogram) -> None:
    latency.observe(0.5, exemplar={"trace_id": "x" * 120})

    assert kept(latency)[0] is not None


def test_strict_mode_raises_for_a_bad_exemplar(strict: MetricsRegistry) -> None:
    with pytest.raises(InstrumentError) as raised:
        strict.histogram("wait").observe(0.5, exemplar={"trace_id": "x" * 200})

    assert raised.value.problems[0].code == "instruments/bad-exemplar"
