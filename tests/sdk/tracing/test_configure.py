"""Switching tracing on: what it needs, what it refuses, and what a backend that is not there costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from sdk.tracing.otlp_receiver import OtlpReceiver
from support.servers import free_port
from support.waiting import wait_for
from tapewatch_sdk import tracing
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.tracing import span

Start = Callable[..., tracing.Tracing]

WITHOUT_EXTRA = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
from tapewatch_sdk import tracing
"""


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, **environment}
    )


def test_importing_it_loads_no_opentelemetry() -> None:
    code = "import sys, tapewatch_sdk.tracing; print({'opentelemetry', 'requests', 'asyncio'} & set(sys.modules))"

    assert python(code).stdout == "set()\n"


def test_without_the_extra_spans_do_nothing_and_context_is_passed_on() -> None:
    code = WITHOUT_EXTRA + (
        "tracing.configure('a')\n"
        "with tracing.correlated('c-1'), tracing.span('b') as b:\n"
        "    print(b.kept, tracing.inject({}))\n"
    )

    assert python(code).stdout == "False {'baggage': 'correlation_id=c-1'}\n"


def test_without_the_extra_an_endpoint_is_an_error_that_names_it() -> None:
    code = WITHOUT_EXTRA + (
        "from tapewatch_sdk.errors import ProblemsError\n"
        "try:\n"
        "    tracing.configure('a', endpoint='http://user:pw@jaeger:4318/v1/traces')\n"
        "except ProblemsError as error:\n"
        "    (problem,) = error.problems\n"
        "    print(problem.code, '|', problem.summary, '|', problem.fix)\n"
    )

    code, summary, fix = python(code).stdout.strip().split(" | ")
    assert code == "otlp/not-installed"
    assert summary.startswith("nothing can be sent to jaeger:4318/v1/traces: ")
    assert fix == "install `tapewatch[otel]`, or set no endpoint"


@pytest.mark.parametrize(
    "endpoint",
    ["jaeger:4318", "http://jaeger:4318", "http://jaeger:4318/", "ftp://x/y", "http:///v1/traces", "http://x:0x1/y"],
)
def test_an_endpoint_that_is_not_whole_is_refused(endpoint: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        tracing.configure("a", endpoint=endpoint)

    assert [problem.code for problem in caught.value.problems] == ["otlp/bad-endpoint"]


@pytest.mark.parametrize("sampling", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(sampling: float) -> None:
    with pytest.raises(ProblemsError) as caught:
        tracing.configure("a", sampling=sampling)

    assert [problem.code for problem in caught.value.problems] == ["tracing/bad-sampling"]


def test_without_an_endpoint_tracing_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)

    running = tracing.configure("a", sampling=1.0)

    assert not running.on
    assert running.sampling == 0
    assert running.provider is None
    assert running.flush()
    with span("nothing") as step:
        assert not step.kept


def test_the_environment_says_where_to_and_who_may(receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", receiver.traces_url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Basic%20abc")
    running = tracing.configure("a", sampling=1.0, headers={"X-Scope-OrgID": "desk"})

    with span("one"):
        pass

    assert running.flush()
    assert receiver.names() == ["one"]
    assert (receiver.headers["authorization"], receiver.headers["x-scope-orgid"]) == ("Basic abc", "desk")
    running.close()


def test_opentelemetrys_own_switch_turns_it_off(receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")

    assert not tracing.configure("a", endpoint=receiver.traces_url).on


def test_what_was_set_up_before_is_closed_and_sends_what_it_has(start: Start, receiver: OtlpReceiver) -> None:
    first = start()
    with span("first"):
        second = start()
        with span("second"):
            pass

    assert second.flush()
    assert not first.flush()
    assert receiver.names() == ["second"]
    assert first.counts.dropped == 1  # it ended after its recorder was closed


def test_closing_switches_off_and_sends_the_rest(start: Start, receiver: OtlpReceiver) -> None:
    running = start()
    with span("last"):
        pass

    assert running.close()

    assert receiver.names() == ["last"]
    with span("too late") as late:
        assert not late.kept


def test_spans_wait_for_a_backend_that_comes_late() -> None:
    port = free_port()
    running = tracing.configure("a", sampling=1.0, endpoint=f"http://127.0.0.1:{port}/v1/traces")
    with span("early"):
        pass
    wait_for("a try has failed", lambda: running.counts.failures)

    with OtlpReceiver(port) as receiver:
        assert running.flush(60)
        assert receiver.names() == ["early"]
    running.close()


def test_a_dead_backend_costs_nothing_but_a_counter(caplog: pytest.LogCaptureFixture) -> None:
    running = tracing.configure("a", sampling=1.0, endpoint=f"http://127.0.0.1:{free_port()}/v1/traces", queue_size=100)
    for _ in range(1000):
        with span("lost"):
            pass
    wait_for("a try has failed", lambda: running.counts.failures)

    counts = running.counts
    assert counts.dropped + counts.waiting == 1000
    assert counts.dropped >= 800
    assert not running.close(300)  # it does not wait for that long where nobody is
    assert running.counts.dropped == 1000
    # One line of ours; OpenTelemetry and urllib3 would have said it once a try.
    assert [record.name for record in caplog.records] == ["tapewatch_sdk.outbox"]
    assert "Connection refused" in caplog.text


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_backend_that_is_busy_is_asked_again(status: int, start: Start, receiver: OtlpReceiver) -> None:
    receiver.status = status
    running = start()
    with span("kept"):
        pass
    wait_for("a try has failed", lambda: running.counts.failures)
    receiver.status = 200

    assert running.flush(60)
    assert receiver.names() == ["kept"]
    assert running.counts.failures == receiver.requests - 1


@pytest.mark.parametrize("status", [400, 401, 404, 307])
def test_a_backend_that_refuses_is_not_asked_again(
    status: int, start: Start, receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = status
    running = start()
    with span("refused"):
        pass

    assert running.flush()
    assert receiver.requests == running.counts.refused == 1
    assert f"1 spans were refused: {status}" in caplog.text


def test_a_slow_backend_holds_up_nobody_and_the_end_no_longer_than_agreed(start: Start, receiver: OtlpReceiver) -> None:
    receiver.delay = 5.0
    running = start()
    with span("slow"):
        pass
    wait_for("it is being sent", lambda: receiver.requests)
    with span("waiting"):
        pass

    assert not running.close(0.1)
    assert running.counts.sent == 0
    assert running.counts.dropped == 1


FORKING = """
import os, sys
from tapewatch_sdk import tracing

tracing.configure("forking", sampling=1.0, endpoint=sys.argv[1])
with tracing.span("before"):
    pass
with tracing.span("around"):
    child = os.fork()
    with tracing.span("in the child" if child == 0 else "in the parent"):
        pass
if child:
    os.waitpid(child, 0)
"""


def test_parent_and_child_each_send_their_spans_once_at_their_ends(receiver: OtlpReceiver) -> None:
    python(FORKING, receiver.traces_url)

    # `around` was open in both, and ends in both, as any `with` block does.
    assert sorted(receiver.names()) == ["around", "around", "before", "in the child", "in the parent"]
    assert receiver.span("in the child")["spanId"] != receiver.span("in the parent")["spanId"]
    assert receiver.span("in the child")["traceId"] == receiver.span("in the parent")["traceId"]
