"""Spans of alerts, from what a Prometheus has recorded."""

from __future__ import annotations

from typing import Any

from tapewatch.history.api.alerting.spans import Span, spans_of

LABELS = (("alertname", "A"), ("service", "risk"))


def series(name: str, *values: tuple[float, str], **labels: str) -> dict[str, Any]:
    return {"metric": {"__name__": name, **dict(LABELS), **labels}, "values": [list(each) for each in values]}


def firing(*times: float) -> list[dict[str, Any]]:
    return [series("ALERTS", *((at, "1") for at in times), alertstate="firing")]


def since(active: float, *times: float) -> list[dict[str, Any]]:
    return [series("ALERTS_FOR_STATE", *((at, str(active)) for at in times))]


def test_an_alert_that_fires_without_a_break_has_one_span_since_its_condition_held() -> None:
    assert spans_of(firing(100, 105, 110), since(90.0, 90, 95, 100, 105, 110), 5) == [Span(LABELS, 90, 100, 110)]


def test_an_evaluation_that_is_left_out_is_an_end_and_a_beginning() -> None:
    told = [*since(100.0, 100, 105), *since(115.0, 115, 120)]

    assert spans_of(firing(100, 105, 115, 120), told, 5) == [Span(LABELS, 100, 100, 105), Span(LABELS, 115, 115, 120)]


def test_a_prometheus_that_was_started_anew_does_not_end_an_alert() -> None:
    told = [*since(100.0, 100, 105), *since(200.0, 200, 205)]

    assert spans_of(firing(100, 105, 200, 205), told, 5, started=180.0) == [Span(LABELS, 100, 100, 205)]
    assert len(spans_of(firing(100, 105, 200, 205), told, 5, started=50.0)) == 2


def test_a_series_whose_value_changes_within_a_break_free_span_goes_on() -> None:
    told = [series("ALERTS_FOR_STATE", (100, "100"), (105, "105"))]

    assert spans_of(firing(100, 105), told, 5) == [Span(LABELS, 100, 100, 105)]


def test_spans_come_in_the_order_in_which_they_begin() -> None:
    other = [series("ALERTS", (90, "1"), alertstate="firing", service="market")]

    assert [span.start for span in spans_of([*firing(100), *other], [], 5)] == [90, 100]
