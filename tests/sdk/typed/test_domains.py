"""Typed instruments by hand, as the generated module declares them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from threading import Barrier, Thread
from typing import Any

import prometheus_client
import pytest

from tapewatch_sdk import typed
from tapewatch_sdk.instruments import (
    REGISTRY,
    CounterSeries,
    GaugeSeries,
    HistogramSeries,
    InstrumentError,
    MetricsRegistry,
    generate_text,
)


def _by_symbol(*, symbol: str) -> dict[str, str]:
    return {"symbol": symbol}


def _by_class(*, class_: str, side: str) -> dict[str, str]:
    return {"class": class_, "side": side}


class Trading(typed.Domain):
    """A domain with a family of each kind."""

    _budget = 2

    trading_open = typed.gauge("trading_open", "Whether the market is open.")
    trading_orders_total = typed.counter("trading_orders_total", "Orders.", _by_class)
    trading_latency_ms = typed.histogram("trading_latency_ms", "Time.", _by_symbol, buckets=(1.0, 5.0), unit="ms")
    trading_size_bytes = typed.summary("trading_size_bytes", "Size.", _by_symbol)
    trading_pause = typed.summary("trading_pause", "Pause.")


@pytest.fixture
def registry() -> MetricsRegistry:
    return MetricsRegistry()


def test_every_family_is_there_from_the_start_and_those_without_labels_have_a_value(registry: MetricsRegistry) -> None:
    Trading(registry)

    assert generate_text(registry).decode().splitlines() == [
        "# HELP trading_open Whether the market is open.",
        "# TYPE trading_open gauge",
        "trading_open 0.0",
        "# HELP trading_orders_total Orders.",
        "# TYPE trading_orders_total counter",
        "# HELP trading_latency_ms Time.",
        "# TYPE trading_latency_ms histogram",
        "# HELP trading_size_bytes Size.",
        "# TYPE trading_size_bytes summary",
        "# HELP trading_pause Pause.",
        "# TYPE trading_pause summary",
        "trading_pause_count 0.0",
        "trading_pause_sum 0.0",
    ]


def test_what_is_bound_is_the_sdks_own_series(registry: MetricsRegistry) -> None:
    trading = Trading(registry)

    assert type(trading.trading_open) is GaugeSeries
    assert type(trading.trading_orders_total.labels(class_="spot", side="buy")) is CounterSeries
    assert type(trading.trading_latency_ms.labels(symbol="BTC")) is HistogramSeries
    assert trading.trading_latency_ms.labels(symbol="BTC") is trading.trading_latency_ms.labels(symbol="BTC")


def test_a_label_whose_name_is_a_keyword_is_exposed_under_its_own_name(registry: MetricsRegistry) -> None:
    Trading(registry).trading_orders_total.labels(class_="spot", side="buy").inc()

    assert b'trading_orders_total{class="spot",side="buy"} 1.0\n' in generate_text(registry)


def test_a_class_made_twice_gives_the_same_series(registry: MetricsRegistry) -> None:
    first, second = Trading(registry), Trading(registry)
    first.trading_open.inc()
    second.trading_open.inc()
    first.trading_size_bytes.labels(symbol="BTC").observe(1)
    second.trading_size_bytes.labels(symbol="BTC").observe(2)

    assert first.trading_open is second.trading_open
    assert second.trading_size_bytes.labels(symbol="BTC").get() == typed.SummaryValue(2.0, 3.0)


def test_two_registries_share_nothing(registry: MetricsRegistry) -> None:
    other = MetricsRegistry()
    Trading(registry).trading_open.set(1)

    assert Trading(other).trading_open.get() == 0.0


def test_without_a_registry_it_is_the_default_one() -> None:
    class Own(typed.Domain):
        typed_default_registry_test = typed.gauge("typed_default_registry_test", "")

    Own().typed_default_registry_test.set(7)
    try:
        assert "typed_default_registry_test" in REGISTRY.to_dict()
    finally:
        REGISTRY.unregister(REGISTRY.gauge("typed_default_registry_test"))


@pytest.mark.parametrize(
    ("use", "error", "words"),
    [
        (lambda t: t.trading_opened, AttributeError, "trading_opened"),
        (lambda t: t.trading_orders_total.labels(class_="spot"), TypeError, "'side'"),
        (lambda t: t.trading_orders_total.labels(class_="spot", side="buy", venue="x"), TypeError, "'venue'"),
        (lambda t: t.trading_orders_total.labels("spot", "buy"), TypeError, "positional"),
        (lambda t: t.trading_orders_total.remove(side="buy"), TypeError, "'class_'"),
        (lambda t: t.trading_orders_total.inc(), AttributeError, "'inc'"),
        (lambda t: t.trading_orders_total.labels(class_="s", side="b").observe(1), AttributeError, "'observe'"),
        (lambda t: t.trading_open.labels(symbol="BTC"), TypeError, "not callable"),
        (lambda t: t.trading_open.observe(1), AttributeError, "'observe'"),
        (lambda t: setattr(t, "trading_open", 1), AttributeError, "cannot be set"),
        (lambda t: setattr(t, "trading_new", 1), AttributeError, "cannot be set"),
        (lambda t: delattr(t, "trading_open"), AttributeError, "cannot be deleted"),
    ],
)
def test_what_is_not_declared_is_an_error_where_it_stands(use: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        use(Trading(MetricsRegistry()))


def test_no_value_of_a_label_or_an_update_raises(registry: MetricsRegistry) -> None:
    class Side(StrEnum):
        BUY = "buy"

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    trading: Any = Trading(registry, series_budget=100)
    for value in (Side.BUY, 3, None, "\ud800", Broken()):
        trading.trading_latency_ms.labels(symbol=value).observe(1)
        trading.trading_size_bytes.labels(symbol=value).observe(1)
    for amount in ("1", None, -1, math.nan, Broken(), 10**400):
        trading.trading_orders_total.labels(class_="spot", side="buy").inc(amount)
        trading.trading_pause.observe(amount)
        trading.trading_open.set(amount)
    trading.trading_size_bytes.remove(symbol=Broken())

    dropped = registry.to_dict()["tapewatch_sdk_dropped_updates_total"]["samples"]
    assert {(each["labels"]["family"], each["labels"]["reason"]): each["value"] for each in dropped} == {
        ("trading_latency_ms", "labels"): 1,
        ("trading_size_bytes", "labels"): 2,
        ("trading_orders_total", "value"): 6,
        ("trading_pause", "value"): 4,
        ("trading_open", "value"): 4,
    }
    seen = {each["labels"]["symbol"] for each in registry.to_dict()["trading_size_bytes"]["samples"]}
    assert seen == {"buy", "3", "None", "?"}


def test_the_budget_of_the_class_holds_and_another_may_be_given(registry: MetricsRegistry) -> None:
    trading = Trading(registry)
    for number in range(4):
        trading.trading_latency_ms.labels(symbol=str(number)).observe(1)
        trading.trading_size_bytes.labels(symbol=str(number)).observe(1)

    exposed = generate_text(registry).decode()
    for family in ("trading_latency_ms", "trading_size_bytes"):
        assert exposed.count(f"\n{family}_count{{") == 2
        assert f'dropped_updates_total{{family="{family}",reason="series_budget"}} 2.0' in exposed
    larger = Trading(MetricsRegistry(), series_budget=4)
    for number in range(4):
        larger.trading_size_bytes.labels(symbol=str(number)).observe(1)
    assert larger.trading_size_bytes.labels(symbol="3").get().count == 1


def test_a_strict_registry_raises_for_tests() -> None:
    trading: Any = Trading(MetricsRegistry(strict=True))
    trading.trading_size_bytes.labels(symbol="a")
    trading.trading_size_bytes.labels(symbol="b")

    uses: list[tuple[Callable[[], object], str]] = [
        (lambda: trading.trading_size_bytes.labels(symbol="c"), "series-budget"),
        (lambda: trading.trading_size_bytes.labels(symbol="a").observe("much"), "bad-value"),
        (lambda: trading.trading_orders_total.labels(class_="a", side="b").inc(-1), "bad-value"),
    ]
    for use, code in uses:
        with pytest.raises(InstrumentError) as raised:
            use()
        assert raised.value.problems[0].code == f"instruments/{code}"


def test_a_series_can_be_forgotten(registry: MetricsRegistry) -> None:
    trading = Trading(registry)
    trading.trading_latency_ms.labels(symbol="BTC").observe(1)
    trading.trading_size_bytes.labels(symbol="BTC").observe(1)
    trading.trading_latency_ms.remove(symbol="BTC")
    trading.trading_size_bytes.remove(symbol="BTC")
    trading.trading_size_bytes.remove(symbol="never used")

    assert b"BTC" not in generate_text(registry)


def test_a_name_that_stands_for_something_else_is_an_error_at_the_start(registry: MetricsRegistry) -> None:
    prometheus_client.Gauge("trading_pause", "Theirs.", registry=registry)  # type: ignore[arg-type]

    with pytest.raises(InstrumentError, match="trading_pause"):
        Trading(registry)


def test_a_prefix_of_the_registry_never_changes_a_name() -> None:
    prefixed = MetricsRegistry(prefix="trading")
    Trading(prefixed).trading_open.set(1)
    assert b"\ntrading_open 1.0\n" in generate_text(prefixed)

    with pytest.raises(InstrumentError) as raised:
        Trading(MetricsRegistry(prefix="live"))
    assert raised.value.problems[0].code == "instruments/prefix"


def test_the_class_tells_what_is_declared() -> None:
    declared = Trading.trading_latency_ms

    assert (declared.name, declared.description, declared.unit) == ("trading_latency_ms", "Time.", "ms")
    assert (declared.labels, declared.buckets) == (("symbol",), (1.0, 5.0))
    assert Trading.trading_orders_total.labels == ("class", "side")
    assert repr(Trading(MetricsRegistry())) == "<Trading with 5 families>"


def test_threads_that_make_the_same_series_share_it(registry: MetricsRegistry) -> None:
    threads, times, start = 8, 500, Barrier(8)

    def work() -> None:
        start.wait()
        own = Trading(registry)
        for number in range(times):
            own.trading_orders_total.labels(class_="spot", side=str(number % 2)).inc()
            own.trading_size_bytes.labels(symbol=str(number % 2)).observe(2)

    workers = [Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    trading = Trading(registry)
    for side in "01":
        assert trading.trading_orders_total.labels(class_="spot", side=side).get() == threads * times / 2
        assert trading.trading_size_bytes.labels(symbol=side).get() == typed.SummaryValue(2000.0, 4000.0)


def test_a_summary_times_in_seconds(registry: MetricsRegistry) -> None:
    pause = Trading(registry).trading_pause
    with pause.time():
        pass

    assert pause.get().count == 1
    assert 0 < pause.get().sum < 60


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import json, sys, tapewatch_sdk.typed; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert {"prometheus_client", "pydantic", "asyncio", "logging"} & set(json.loads(done.stdout)) == set()
