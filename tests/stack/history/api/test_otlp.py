"""Points of OTLP requests become the samples that a scrape would have brought."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest

from tapewatch.history.api.errors import ApiError
from tapewatch.history.api.otlp import JSON, PROTOBUF, Pushes, read
from tapewatch.history.api.otlp import pushes as pushes_module
from tapewatch.history.samples import Scrape

NOW = 1_800_000_000.0
MANY: dict[str, Any] = {f"l{number}": "x" for number in range(65)}
LONG: Any = {"n" * 5_000: "a"}


def request(*metrics: Mapping[str, Any], resource: Mapping[str, str] | None = None) -> Any:
    found = {
        "resourceMetrics": [
            {
                "resource": {"attributes": attributes(resource or {})},
                "scopeMetrics": [{"metrics": list(metrics)}],
            }
        ]
    }
    return read(json.dumps(found).encode(), JSON)


def attributes(labels: Mapping[str, Any]) -> list[Any]:
    return [
        {"key": name, "value": value if isinstance(value, dict) else {"stringValue": value}}
        for name, value in labels.items()
    ]


def point(value: float = 1.0, at: float = NOW, flags: int = 0, **labels: Any) -> dict[str, Any]:
    return {
        "attributes": attributes({"service": "capture", **labels}),
        "timeUnixNano": str(int(at * 1e9)),
        "asDouble": value,
        "flags": flags,
    }


def counter(name: str, *points: Any, temporality: int = 2, monotonic: bool = True) -> dict[str, Any]:
    told = {"dataPoints": list(points), "aggregationTemporality": temporality, "isMonotonic": monotonic}
    return {"name": name, "sum": told}


def gauge(name: str, *points: Any) -> dict[str, Any]:
    return {"name": name, "gauge": {"dataPoints": list(points)}}


def values(scrape: Scrape) -> dict[str, float]:
    """By series, as text."""
    return {
        f"{each.name}{dict(each.labels) or ''}": float(value)
        for each, value in zip(scrape.layout.series, scrape.values, strict=True)
    }


def push(pushes: Pushes, *metrics: Any, now: float = NOW) -> list[Scrape]:
    taken = pushes.take(request(*metrics), now)
    pushes.keep(taken)
    return taken.scrapes


def test_names_and_labels_stay_byte_for_byte() -> None:
    odd: dict[str, Any] = {"a label!": 'a value\n"with" \\ everything é', "1": "x"}
    (scrape,) = push(Pushes(), gauge("weird.name-with__under_scores_total_", point(2.5, **odd)))

    (series,) = scrape.layout.series
    assert series.name == "weird.name-with__under_scores_total_"
    assert dict(series.labels) == odd
    assert scrape.values.tolist() == [2.5]


def test_what_a_scrape_would_get_from_the_catalogue_belongs_to_the_target() -> None:
    (scrape,) = push(Pushes(), gauge("g", point(team="data", environment="local", symbol="BTC")))

    assert (scrape.service, scrape.target) == ("capture", "push")
    assert scrape.labels == (("environment", "local"), ("team", "data"))
    assert scrape.layout.series[0].labels == (("symbol", "BTC"),)
    assert scrape.at == pytest.approx(NOW)


def test_a_service_that_is_named_by_the_resource_alone_is_known_too() -> None:
    bare = {"asInt": "3", "timeUnixNano": str(int(NOW * 1e9))}
    taken = Pushes().take(request(gauge("g", bare), resource={"service.name": "elsewhere"}), NOW)

    assert taken.scrapes[0].service == "elsewhere"
    assert taken.scrapes[0].values.tolist() == [3.0]


def test_attributes_of_other_kinds_are_written_as_prometheus_does() -> None:
    made = point(
        flag={"boolValue": True}, count={"intValue": "-7"}, share={"doubleValue": 0.5}, none={"stringValue": ""}
    )
    (scrape,) = push(Pushes(), gauge("g", made))

    assert dict(scrape.layout.series[0].labels) == {"flag": "true", "count": "-7", "share": "0.5"}


def test_a_histogram_is_cumulative_buckets_count_and_sum_as_in_a_scrape() -> None:
    told = {
        **point(symbol="BTC"),
        "count": "6",
        "sum": 4.5,
        "bucketCounts": ["1", "2", "3"],
        "explicitBounds": [1, 2.5],
    }
    del told["asDouble"]
    (scrape,) = push(Pushes(), {"name": "h", "histogram": {"dataPoints": [told], "aggregationTemporality": 2}})

    assert values(scrape) == {
        "h_bucket{'le': '1.0', 'symbol': 'BTC'}": 1,
        "h_bucket{'le': '2.5', 'symbol': 'BTC'}": 3,
        "h_bucket{'le': '+Inf', 'symbol': 'BTC'}": 6,
        "h_count{'symbol': 'BTC'}": 6,
        "h_sum{'symbol': 'BTC'}": 4.5,
    }
    assert {each.type for each in scrape.layout.series} == {"histogram"}


def test_a_histogram_without_buckets_or_sum_has_what_it_has() -> None:
    told = {"attributes": attributes({"service": "s"}), "timeUnixNano": str(int(NOW * 1e9)), "count": "4"}
    (scrape,) = push(Pushes(), {"name": "h", "histogram": {"dataPoints": [told], "aggregationTemporality": 2}})

    assert values(scrape) == {"h_bucket{'le': '+Inf'}": 4, "h_count": 4}


def test_a_summary_is_quantiles_count_and_sum() -> None:
    told = {**point(), "count": "6", "sum": 4.5, "quantileValues": [{"quantile": 0.99, "value": 3}]}
    del told["asDouble"]
    (scrape,) = push(Pushes(), {"name": "s", "summary": {"dataPoints": [told]}})

    assert values(scrape) == {"s{'quantile': '0.99'}": 3, "s_count": 6, "s_sum": 4.5}


def test_types_follow_from_what_was_pushed() -> None:
    scrapes = push(Pushes(), counter("c", point()), counter("u", point(), monotonic=False), gauge("g", point()))

    assert [each.type for each in scrapes[0].layout.series] == ["counter", "gauge", "gauge"]


def test_increments_are_added_up_by_series() -> None:
    pushes = Pushes()
    push(pushes, counter("c", point(3, symbol="A"), point(5, symbol="B"), temporality=1))
    (scrape,) = push(pushes, counter("c", point(4, NOW + 1, symbol="A"), point(1, NOW + 1, symbol="B"), temporality=1))

    assert scrape.values.tolist() == [7, 6]


def test_increments_of_histograms_are_added_up_too() -> None:
    def told(at: float) -> Any:
        made = {**point(at=at), "count": "2", "sum": 1.5, "bucketCounts": ["1", "1"], "explicitBounds": [1]}
        del made["asDouble"]
        return {"name": "h", "histogram": {"dataPoints": [made], "aggregationTemporality": 1}}

    pushes = Pushes()
    push(pushes, told(NOW))
    (scrape,) = push(pushes, told(NOW + 1))

    assert scrape.values.tolist() == [2, 4, 4, 3.0]


def test_what_is_sent_again_counts_once() -> None:
    pushes = Pushes()
    push(pushes, counter("c", point(3), temporality=1))
    again = pushes.take(request(counter("c", point(3), temporality=1)), NOW)

    assert again.scrapes == []
    assert len(again.refused) == 0


def test_what_could_not_be_stored_has_not_happened() -> None:
    pushes = Pushes()
    pushes.take(request(counter("c", point(3), temporality=1)), NOW)
    (scrape,) = push(pushes, counter("c", point(3), temporality=1))

    assert scrape.values.tolist() == [3]


def test_a_series_that_ends_is_shown_no_more() -> None:
    pushes = Pushes()
    push(pushes, gauge("g", point(1, symbol="A"), point(2, symbol="B")))
    taken = pushes.take(request(gauge("g", point(0, NOW + 1, flags=1, symbol="A"))), NOW)
    pushes.keep(taken)

    assert taken.scrapes == []
    assert values(pushes.shown(taken)[0]) == {"g{'symbol': 'B'}": 2}


def test_parts_of_a_services_metrics_are_shown_together_under_one_layout() -> None:
    pushes = Pushes()
    push(pushes, gauge("a", point(1)))
    second = pushes.take(request(gauge("b", point(2, NOW + 1))), NOW)
    pushes.keep(second)
    shown = pushes.shown(second)[0]
    third = pushes.take(request(gauge("a", point(3, NOW + 2))), NOW)
    pushes.keep(third)

    assert values(shown) == {"a": 1, "b": 2}
    assert pushes.shown(third)[0].layout is shown.layout


def test_the_same_series_have_the_same_layout() -> None:
    pushes = Pushes()
    (first,) = push(pushes, gauge("a", point(1)), gauge("b", point(1)))
    (second,) = push(pushes, gauge("a", point(1, NOW + 1)), gauge("b", point(1, NOW + 1)))

    assert first.layout is second.layout


def test_what_is_pushed_late_stays_at_its_time_and_each_time_is_a_scrape_of_its_own() -> None:
    found = push(Pushes(), gauge("g", point(2, NOW - 5, x="2"), point(1, NOW - 65, x="1")))

    assert [each.at for each in found] == [pytest.approx(NOW - 65), pytest.approx(NOW - 5)]


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (gauge("", point()), "no name"),
        (counter("c", point(), temporality=0), "neither cumulative nor delta"),
        (gauge("g", point(at=NOW + 3_600)), "in the future"),
        (gauge("g", point(at=NOW - 90_000)), "more than a day ago"),
        (gauge("g", point(**MANY)), "labels"),
        (gauge("g", point(a="é" * 2_049)), "a label has more than 4096 bytes"),
        (gauge("g", point(**LONG)), "a label has more than 4096 bytes"),
        (gauge("g", point(service="s" * 5_000)), "a label has more than 4096 bytes"),
        ({"name": "e", "exponentialHistogram": {"dataPoints": [{"count": "1"}]}}, "exponential"),
        (
            {
                "name": "h",
                "histogram": {
                    "dataPoints": [{"count": "1", "bucketCounts": ["1"], "explicitBounds": [1, 2]}],
                    "aggregationTemporality": 2,
                },
            },
            "buckets do not fit",
        ),
    ],
)
def test_a_point_that_cannot_be_kept_is_counted_and_the_others_are_kept(metric: Any, reason: str) -> None:
    taken = Pushes().take(request(metric, gauge("fine", point(7))), NOW)

    assert len(taken.refused) == 1
    assert reason in str(taken.refused)
    assert [values(each) for each in taken.scrapes] == [{"fine": 7}]


def test_series_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushes_module, "MOST_SERIES", 2)
    taken = Pushes().take(request(gauge("g", *(point(x=str(number)) for number in range(5)))), NOW)

    assert len(taken.refused) == 3
    assert len(taken.scrapes[0].layout.series) == 2


def test_numbers_that_are_none_arrive_too() -> None:
    (scrape,) = push(Pushes(), gauge("g", point("NaN", x="1"), point("-Infinity", x="2")))  # type: ignore[arg-type]

    assert math.isnan(scrape.values[0])
    assert scrape.values[1] == -math.inf


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xff\xff", PROTOBUF),
        (b"{", JSON),
        (b"[]", JSON),
        (b'{"resourceMetrics": 1}', JSON),
        (b'{"resourceMetrics": ["AAA"]}', JSON),
        (b'{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": "x"}]}]}]}', JSON),
        (b'{"resourceMetrics": [' + b"[" * 2_000, JSON),
        (b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"\\ud800"}]}]}]}', JSON),
    ],
)
def test_what_is_no_request_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(body, kind)

    assert caught.value.status_code == 400
