"""Spans: what is kept of them, what they belong to, and what they never do to the caller."""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
from base64 import b64decode
from collections.abc import Callable

import pytest
from opentelemetry import trace as otel_trace

from sdk.tracing.otlp_receiver import OtlpReceiver, values
from tapewatch_sdk import tracing
from tapewatch_sdk.instruments import MetricsRegistry, generate_openmetrics, set_exemplar_source
from tapewatch_sdk.tracing import span

Start = Callable[..., tracing.Tracing]

KEPT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_KEPT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def test_a_span_arrives_with_who_what_and_how_it_went(start: Start, receiver: OtlpReceiver) -> None:
    running = start()

    with span("check limit", kind="server", symbol="BTC-USD", quantity=3) as step:
        step.set(limit=2.5, passed=True, books=["a", "b"])
        step.event("limit read", source="file")

    assert running.flush()
    found = receiver.span("check limit")
    assert found["kind"] == "SPAN_KIND_SERVER"
    assert values(found) | {"books": None} == {
        "symbol": "BTC-USD", "quantity": "3", "limit": 2.5, "passed": True, "books": None,
    }  # fmt: skip
    assert [(event["name"], values(event)) for event in found["events"]] == [("limit read", {"source": "file"})]
    assert int(found["endTimeUnixNano"]) >= int(found["startTimeUnixNano"])
    named = {"service": "risk-manager", "service.name": "risk-manager", "team": "risk", "environment": "test"}
    assert named.items() <= found["resource"].items()


def test_an_exception_is_noted_without_its_secrets_and_goes_on(start: Start, receiver: OtlpReceiver) -> None:
    running = start()

    with pytest.raises(LookupError, match="hunter2"), span("log in"):
        raise LookupError("no user for password=hunter2")

    assert running.flush()
    found = receiver.span("log in")
    assert found["status"] == {"code": "STATUS_CODE_ERROR", "message": "LookupError: no user for password=[redacted]"}
    assert values(found["events"][0]) == {
        "exception.type": "LookupError", "exception.message": "no user for password=[redacted]",
    }  # fmt: skip


def test_a_task_that_is_cancelled_has_not_failed(start: Start, receiver: OtlpReceiver) -> None:
    running = start()

    async def work() -> None:
        with span("wait"):
            await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert running.flush()
    assert "code" not in receiver.span("wait")["status"]


def test_spans_inside_of_spans_are_their_children(start: Start, receiver: OtlpReceiver) -> None:
    running = start()

    with span("outer"):
        with span("first"), span("deep"):
            pass
        with span("second"):
            pass
    with span("another trace"):
        pass

    assert running.flush()
    by_name = {each["name"]: each for each in receiver.spans}
    parents = {name: each.get("parentSpanId") for name, each in by_name.items()}
    assert parents == {
        "outer": None,
        "first": by_name["outer"]["spanId"],
        "deep": by_name["first"]["spanId"],
        "second": by_name["outer"]["spanId"],
        "another trace": None,
    }
    assert len({each["traceId"] for each in receiver.spans}) == 2


def test_functions_methods_and_coroutines_are_decorated(start: Start, receiver: OtlpReceiver) -> None:
    running = start()

    @span("route", venue="x")
    async def route(order: int) -> int:
        """Routes."""
        await asyncio.sleep(0)
        return order + 1

    class Book:
        @span("add")
        def add(self, one: int, *, two: int) -> int:
            return fall(one) + two

    @span("fall")
    def fall(depth: int) -> int:
        return fall(depth - 1) if depth else 7

    assert asyncio.run(route(1)) == 2
    assert Book().add(2, two=1) == 8
    assert (route.__name__, route.__doc__, inspect.iscoroutinefunction(route)) == ("route", "Routes.", True)
    assert running.flush()
    assert sorted(receiver.names()) == ["add", "fall", "fall", "fall", "route"]
    assert values(receiver.span("route")) == {"venue": "x"}
    assert len({each["traceId"] for each in receiver.spans if each["name"] != "route"}) == 1


def test_tasks_and_threads_do_not_mix_up_their_traces(start: Start, receiver: OtlpReceiver) -> None:
    running = start()

    async def work(number: int) -> None:
        with span(f"task {number}"):
            await asyncio.sleep(0.01)
            with span(f"step of task {number}"):
                await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(work(number) for number in range(5)))

    def thread() -> None:
        with span("thread"):
            pass

    with span("around"):
        apart = threading.Thread(target=thread)
        apart.start()
        apart.join()
    asyncio.run(main())
    assert running.flush()
    for number in range(5):
        assert receiver.span(f"step of task {number}")["parentSpanId"] == receiver.span(f"task {number}")["spanId"]
    assert "parentSpanId" not in receiver.span("thread")


def test_a_generator_that_is_closed_in_another_task_disturbs_nobody(start: Start, receiver: OtlpReceiver) -> None:
    running = start()

    async def ticks() -> object:
        with span("feed"):
            yield 1
            yield 2

    async def main() -> None:
        feed = ticks()

        async def first() -> None:
            await anext(feed)  # type: ignore[call-overload]

        await asyncio.create_task(first())
        with span("other work"):
            await asyncio.create_task(feed.aclose())  # type: ignore[attr-defined]
            with span("step of it"):
                pass

    asyncio.run(main())
    assert running.flush()
    assert receiver.span("step of it")["parentSpanId"] == receiver.span("other work")["spanId"]


@pytest.mark.parametrize(("header", "sampling", "kept"), [(NOT_KEPT, 1.0, []), (KEPT, 0.0, ["inner", "outer"])])
def test_the_decision_of_the_service_where_the_trace_began_holds(
    header: str, sampling: float, kept: list[str], start: Start, receiver: OtlpReceiver
) -> None:
    running = start(sampling)

    with tracing.continued({"traceparent": header}), span("outer"), span("inner"):
        sent = tracing.inject()["traceparent"]

    assert running.flush()
    assert receiver.names() == kept
    assert {each["traceId"] for each in receiver.spans} == ({"CvdlGRbNQ92ESOshHIAxnA=="} if kept else set())
    assert sent.startswith(header[:36])
    assert sent.endswith(header[-3:])


def test_a_trace_that_is_not_kept_is_one_trace_all_the_same(start: Start, receiver: OtlpReceiver) -> None:
    running = start(0.0)

    with span("outer") as outer:
        first = tracing.inject()["traceparent"]
        with span("inner"):
            second = tracing.inject()["traceparent"]
        assert not outer.kept
        outer.set(ignored=1)
        outer.event("ignored")
    with span("another"):
        third = tracing.inject()["traceparent"]

    assert first == second != third
    assert first.endswith("-00")
    assert tracing.current() is None
    assert running.flush()
    assert running.counts.sent == receiver.requests == 0


def test_the_share_of_traces_is_kept_that_was_asked_for(start: Start, receiver: OtlpReceiver) -> None:
    running = start(0.25, queue_size=5000)

    for _ in range(4000):
        with span("root"), span("child"):
            pass

    assert running.flush(30)
    names = receiver.names()
    assert names.count("root") == names.count("child")
    # Six standard deviations: a right sampler fails once in 500 million runs.
    assert abs(names.count("root") - 1000) < 6 * (4000 * 0.25 * 0.75) ** 0.5


def test_a_seeded_simulation_is_neither_disturbed_nor_does_it_repeat_ids(start: Start) -> None:
    start(0.5)

    def drawn() -> tuple[float, str]:
        random.seed(7)
        with span("step"):
            here = tracing.current()
            assert here is not None
            return random.random(), here.trace_id

    one, other = drawn(), drawn()

    assert one[0] == other[0]
    assert one[1] != other[1]


def test_attributes_hold_no_secret_and_anything_else(start: Start, receiver: OtlpReceiver) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    running = start()

    with span("odd", api_key="abc", url="http://u:p@h/", odd=Odd(), none=None, mixed=[1, "a"], nested={"a": {"b": 1}}):
        pass

    assert running.flush()
    assert values(receiver.span("odd")) == {
        "api_key": "[redacted]",
        "url": "http://u:[redacted]@h/",
        "odd": "(Odd that cannot be shown: RuntimeError)",
        "none": "None",
        "mixed": "[1, 'a']",
        "nested": "{'a': {'b': 1}}",
    }


def test_other_users_of_opentelemetry_are_in_the_same_traces(start: Start, receiver: OtlpReceiver) -> None:
    running = start()
    assert running.provider is not None
    theirs = running.provider.get_tracer("instrumented library")

    with span("ours"), theirs.start_as_current_span("theirs inside"), span("ours again"):
        pass
    with theirs.start_as_current_span("theirs first"), span("ours inside"):
        sent = tracing.inject()
    with tracing.continued({"traceparent": KEPT}), theirs.start_as_current_span("theirs from afar"):
        pass

    assert running.flush()
    by_name = {each["name"]: each for each in receiver.spans}
    assert by_name["theirs inside"]["parentSpanId"] == by_name["ours"]["spanId"]
    assert by_name["ours again"]["parentSpanId"] == by_name["theirs inside"]["spanId"]
    assert by_name["ours inside"]["parentSpanId"] == by_name["theirs first"]["spanId"]
    assert by_name["theirs from afar"]["parentSpanId"] == "t61rcWkgMzE="
    assert sent["traceparent"].endswith("-01")
    assert not otel_trace.get_current_span().get_span_context().is_valid


def test_other_users_of_opentelemetry_keep_nothing_inside_a_trace_that_is_not_kept(
    start: Start, receiver: OtlpReceiver
) -> None:
    running = start(0.0)
    assert running.provider is not None
    theirs = running.provider.get_tracer("instrumented library")

    with span("ours"), theirs.start_as_current_span("theirs"), span("ours again"):
        pass

    running = start(1.0)
    assert running.provider is not None
    theirs = running.provider.get_tracer("instrumented library")
    with tracing.continued({"traceparent": NOT_KEPT}), theirs.start_as_current_span("theirs"):
        pass

    assert running.flush()
    assert receiver.names() == []


def test_an_exemplar_is_the_span_that_is_kept_or_nothing(start: Start, receiver: OtlpReceiver) -> None:
    running = start()
    assert tracing.current_exemplar() is None
    with span("kept"):
        exemplar = tracing.current_exemplar()
    start(0.0)
    with span("not kept"):
        assert tracing.current_exemplar() is None

    assert exemplar is not None
    assert running.flush() is False  # it was closed by its successor, and has sent all
    found = receiver.span("kept")
    assert set(exemplar) == {"trace_id", "span_id"}
    assert (len(exemplar["trace_id"]), len(exemplar["span_id"])) == (32, 16)
    assert bytes.fromhex(exemplar["span_id"]) == b64decode(found["spanId"])


def test_without_configuration_spans_do_nothing() -> None:
    with span("nothing", a=1) as step:
        step.set(b=2)
        assert tracing.current() is None
        assert tracing.inject() == {}

    with pytest.raises(ZeroDivisionError), span("nothing"):
        raise ZeroDivisionError


def test_a_service_without_tracing_passes_traces_on(receiver: OtlpReceiver) -> None:
    with tracing.continued({"traceparent": KEPT, "tracestate": "v=1"}), span("nothing"):
        assert tracing.inject() == {"traceparent": KEPT, "tracestate": "v=1"}


def test_a_histogram_has_the_trace_of_its_observation(start: Start) -> None:
    registry = MetricsRegistry()
    seconds = registry.histogram("check_seconds", "Time of a check.", buckets=[1])
    start()
    set_exemplar_source(tracing.current_exemplar)
    try:
        with span("kept"):
            seconds.observe(0.5)
            here = tracing.current()
        seconds.observe(0.5)
    finally:
        set_exemplar_source(None)

    assert here is not None
    labels = f'{{span_id="{here.span_id}",trace_id="{here.trace_id}"}}'
    assert f'check_seconds_bucket{{le="1.0"}} 2.0 # {labels} 0.5 ' in generate_openmetrics(registry).decode()
