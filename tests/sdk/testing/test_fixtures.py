"""The fixtures that pytest finds where the SDK is installed: each as a program's own tests use it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from urllib.request import urlopen

import pytest

from tapewatch_sdk.events import DEFAULT_BUS, Event, EventBus, EventType
from tapewatch_sdk.instruments import InstrumentError, MetricsRegistry, default_registry
from tapewatch_sdk.serving import Server
from tapewatch_sdk.testing import CapturedEvents, FakeClock
from tapewatch_sdk.testing.clock import DRIVEN, START


def test_the_registry_is_empty_strict_and_the_default(tapewatch_registry: MetricsRegistry) -> None:
    assert tapewatch_registry.instruments() == []
    assert default_registry() is tapewatch_registry
    with pytest.raises(InstrumentError):
        tapewatch_registry.counter("orders_total").inc(-1)


def test_the_usual_registry_comes_back(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from tapewatch_sdk.instruments import REGISTRY, default_registry

        def test_one(tapewatch_registry):
            default_registry().counter("orders_total").inc()
            assert default_registry() is not REGISTRY

        def test_two(tapewatch_registry):
            assert tapewatch_registry.collect_all() == []

        def test_three():
            assert default_registry() is REGISTRY
        """
    )

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)


def test_what_is_published_is_kept_at_once(tapewatch_events: CapturedEvents) -> None:
    tapewatch_events.emit_trade("BTC-USD", "buy", 1, 64000)
    DEFAULT_BUS.emit_error("the feed is gone")

    assert tapewatch_events.only(EventType.TRADE_FILLED).data["symbol"] == "BTC-USD"
    assert [event.data["message"] for event in tapewatch_events.of(EventType.ERROR)] == ["the feed is gone"]
    assert [event.event_type for event in tapewatch_events.all] == [EventType.TRADE_FILLED, EventType.ERROR]


def test_one_event_is_asked_for_and_the_answer_says_what_there_was(tapewatch_events: CapturedEvents) -> None:
    tapewatch_events.emit(EventType.ENGINE_START)

    with pytest.raises(AssertionError, match=r"0 events of the type ERROR, not 1; published were: ENGINE_START"):
        tapewatch_events.only(EventType.ERROR)


def test_the_default_bus_goes_on_as_usual(tapewatch_events: CapturedEvents) -> None:
    taken: list[Event] = []
    subscription = DEFAULT_BUS.subscribe(EventType.QUOTE_STALE, taken.append)
    try:
        DEFAULT_BUS.emit(EventType.QUOTE_STALE)
        assert DEFAULT_BUS.flush()
    finally:
        DEFAULT_BUS.unsubscribe(subscription)

    assert taken == tapewatch_events.of(EventType.QUOTE_STALE)
    tapewatch_events.clear()
    assert tapewatch_events.all == []


def test_the_default_bus_is_itself_again_after_the_test() -> None:
    bus, captured = EventBus(), CapturedEvents()
    with captured.listening_to(bus):
        bus.emit(EventType.ENGINE_START)
    bus.emit(EventType.ENGINE_STOP)

    assert [event.event_type for event in captured.all] == [EventType.ENGINE_START]
    assert "publish" not in vars(bus)
    assert "publish" not in vars(DEFAULT_BUS)


def test_what_is_no_event_is_not_kept(tapewatch_events: CapturedEvents) -> None:
    tapewatch_events.publish("no event")  # type: ignore[arg-type]

    assert tapewatch_events.all == []
    assert tapewatch_events.stats().invalid == 1


def test_the_clock_drives_timers(tapewatch_clock: FakeClock, tapewatch_registry: MetricsRegistry) -> None:
    latency = tapewatch_registry.histogram("latency_seconds", buckets=(0.1, 1.0))

    @latency.time()
    def send() -> None:
        tapewatch_clock.advance(0.25)

    with latency.time() as timer:
        tapewatch_clock.advance(2.5)
    send()

    assert timer.seconds == 2.5
    assert latency.get().sum == 2.75


def test_the_clock_drives_events(tapewatch_clock: FakeClock, tapewatch_events: CapturedEvents) -> None:
    tapewatch_events.emit(EventType.CYCLE_START)
    tapewatch_clock.advance(1.5)
    tapewatch_events.emit(EventType.CYCLE_END)

    first, second = tapewatch_events.all
    assert first.timestamp == START
    assert second.timestamp - first.timestamp == timedelta(seconds=1.5)
    assert int(second.id.replace("-", "")[:12], 16) == int(second.timestamp.timestamp() * 1000)
    given = datetime(2026, 5, 6, 7, 8, 9)
    assert Event(EventType.ERROR, given).timestamp == given.replace(tzinfo=UTC)
    assert Event.from_dict(first.to_dict()) == first


def test_the_clock_drives_samples_and_exemplars(
    tapewatch_clock: FakeClock, tapewatch_registry: MetricsRegistry
) -> None:
    latency = tapewatch_registry.histogram("latency_seconds", buckets=(1.0,))
    latency.observe(0.5, exemplar={"trace_id": "a"})
    tapewatch_clock.advance(60)

    samples = latency.collect()

    assert {sample.timestamp for sample in samples} == {START.timestamp() + 60}
    assert [sample.exemplar.timestamp for sample in samples if sample.exemplar] == [START.timestamp()]


def test_the_clock_drives_all_that_it_says_and_gives_it_back() -> None:
    before = [getattr(import_module(module), name) for module, name in DRIVEN]
    with FakeClock().installed():
        during = [getattr(import_module(module), name) for module, name in DRIVEN]

    assert [getattr(import_module(module), name) for module, name in DRIVEN] == before
    assert all(one is not other for one, other in zip(before, during, strict=True))


def test_time_does_not_run_backwards(tapewatch_clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="backwards"):
        tapewatch_clock.advance(-1)

    assert tapewatch_clock.now == START


def test_what_the_registry_holds_can_be_scraped(
    tapewatch_metrics_server: Server, tapewatch_registry: MetricsRegistry
) -> None:
    tapewatch_registry.counter("orders_total").inc(3)

    with urlopen(f"{tapewatch_metrics_server.url}/metrics") as answer:
        assert b"\norders_total 3.0\n" in answer.read()


def test_a_run_that_uses_no_fixture_loads_nothing_of_the_sdk(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.startswith("tapewatch")}
            assert ours == {"tapewatch_sdk", "tapewatch_sdk.testing", "tapewatch_sdk.testing.fixtures"}
        """
    )

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_suites_are_loaded_when_they_are_asked_for() -> None:
    code = "import sys, tapewatch_sdk.testing as t; print('pytest' in sys.modules); [getattr(t, n) for n in t.__all__]"
    done = subprocess.run([sys.executable, "-c", f"{code}; print(*sys.modules)"], capture_output=True, text=True)

    first, modules = done.stdout.splitlines()
    assert first == "False"
    assert not {"pytest", "tapewatch", "pydantic", "yaml"} & set(modules.split()), "the stack is loaded by a test alone"
