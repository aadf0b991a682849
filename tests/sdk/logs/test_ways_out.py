"""Where lines go: standard output that may be blocked or closed, an OTLP endpoint that may be dead."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk.tracing.otlp_receiver import OtlpReceiver, values
from support.servers import free_port
from support.waiting import wait_for
from tapewatch_sdk import logs, tracing
from tapewatch_sdk.errors import ProblemsError

Lines = Callable[[], list[dict[str, Any]]]
Sending = Callable[..., logs.Logs]

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

log = logs.get_logger("desk.orders")


@pytest.fixture
def sending(root: logging.Logger) -> Iterator[Sending]:
    """Configures logging to an endpoint."""
    begun: list[logs.Logs] = []

    def configured(endpoint: str | None, **more: Any) -> logs.Logs:
        begun.append(logs.configure_logs("risk-manager", "test", **{"stdout": False, "endpoint": endpoint, **more}))
        return begun[-1]

    yield configured
    for each in begun:
        each.close()


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_line_is_sent_with_its_trace_its_level_and_its_fields(sending: Sending, receiver: OtlpReceiver) -> None:
    running = sending(receiver.logs_url, team="risk")

    with tracing.continued({"traceparent": PARENT, "baggage": "correlation_id=c-1"}):
        try:
            raise KeyError("token=abc")
        except KeyError:
            log.exception(
                "order %d", 17, extra={"symbol": "BTC-USD", "share": 0.5, "password": "x", "book": {"a": [1]}}
            )

    assert running.flush()
    (record,) = receiver.records
    named = {"service": "risk-manager", "service.name": "risk-manager", "environment": "test", "team": "risk"}
    assert record["resource"] == named
    assert record["body"] == {"stringValue": "order 17"}
    assert (record["severityText"], record["severityNumber"]) == ("ERROR", "SEVERITY_NUMBER_ERROR")
    assert (record["traceId"], record["spanId"], record["flags"]) == ("CvdlGRbNQ92ESOshHIAxnA==", "t61rcWkgMzE=", 1)
    found = values(record)
    assert found.pop("exception.traceback").endswith("KeyError: 'token=[redacted]'\n")
    assert found == {
        "level": "error",
        "logger": "desk.orders",
        "correlation_id": "c-1",
        "symbol": "BTC-USD",
        "share": 0.5,
        "password": "[redacted]",
        "book": '{"a": [1]}',
        "exception.type": "KeyError",
        "exception.message": "'token=[redacted]'",
    }


def test_odd_values_are_sent_as_text(sending: Sending, receiver: OtlpReceiver) -> None:
    running = sending(receiver.logs_url)

    log.info("a\ud800b", extra={"none": None, "huge": 2**70, "nan": float("nan"), "cut": "\ud800", "yes": True})

    assert running.flush()
    found = values(receiver.records[0])
    assert (found["none"], found["huge"], found["nan"], found["yes"]) == ("None", str(2**70), "nan", True)
    assert receiver.records[0]["body"] == {"stringValue": "a?b"}
    assert found["cut"] == "?"


def test_the_environment_says_where_to(
    sending: Sending, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", receiver.logs_url)
    running = sending(None, headers={"X-Scope-OrgID": "desk"})
    log.warning("one")

    assert running.flush()
    assert len(receiver.records) == 1
    assert receiver.headers["x-scope-orgid"] == "desk"


def test_a_dead_endpoint_costs_nothing_but_a_counter_and_feeds_nothing_back(
    sending: Sending, root: logging.Logger
) -> None:
    stream = io.StringIO()
    running = sending(f"http://127.0.0.1:{free_port()}/v1/logs", stdout=stream, level="debug", queue_size=50)
    for number in range(200):
        log.info("%d", number)
    wait_for("a try has failed", lambda: running.sent.failures)
    root.removeHandler(running.handler)

    counts = running.sent
    assert counts.dropped + counts.waiting == 200
    assert counts.dropped >= 100
    running.close()
    written = [json.loads(line) for line in stream.getvalue().splitlines()]
    # Of the libraries below nothing is written, of the outbox one line.
    assert {line["logger"] for line in written} <= {"desk.orders", "tapewatch_sdk.outbox"}
    assert sum(line["logger"] == "tapewatch_sdk.outbox" for line in written) <= 1


def test_what_sending_itself_logs_is_not_sent(sending: Sending, receiver: OtlpReceiver) -> None:
    running = sending(receiver.logs_url, level="debug")
    log.debug("one")
    assert running.flush()
    log.debug("two")
    assert running.flush()

    assert [record["body"]["stringValue"] for record in receiver.records] == ["one", "two"]


BLOCKED = """
import json, os, sys, time
from tapewatch_sdk import logs

running = logs.configure_logs("a", queue_size=100, endpoint="")
log = logs.get_logger("a")
total = int(sys.argv[1])
for number in range(total):
    log.info("x" * 1000, extra={"number": number})
counts = running.written
print(json.dumps([counts.sent, counts.dropped, counts.waiting]), file=sys.stderr, flush=True)
"""


def test_a_blocked_standard_output_holds_up_neither_the_work_nor_the_end() -> None:
    reading, writing = os.pipe()
    try:
        # Nobody reads: the pipe is full after 64 KB.
        done = subprocess.run(
            [sys.executable, "-c", BLOCKED, "5000"], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=True
        )
    finally:
        os.close(writing)
        os.close(reading)

    sent, dropped, waiting = json.loads(done.stderr)
    assert sent + dropped + waiting == 5000
    assert dropped > 4000


def test_every_line_is_there_when_somebody_reads() -> None:
    done = python(BLOCKED.replace("queue_size=100", "queue_size=10000"), "3000")

    assert [json.loads(line)["number"] for line in done.stdout.splitlines()] == list(range(3000))


def test_a_closed_standard_output_harms_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", BLOCKED, "100"], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
        )
    finally:
        os.close(writing)

    assert done.returncode == 0
    assert json.loads(done.stderr.splitlines()[-1])[0] == 0


def test_a_pipe_that_was_made_non_blocking_gets_whole_lines() -> None:
    code = "import os\nos.set_blocking(1, False)\n" + BLOCKED.replace("queue_size=100", "queue_size=10000")

    done = python(code, "2000")

    assert [json.loads(line)["number"] for line in done.stdout.splitlines()] == list(range(2000))


LAST_WORDS = """
import sys
from tapewatch_sdk import logs

logs.configure_logs("a", endpoint="")
logs.get_logger("a").critical("last words")
{how}
"""


@pytest.mark.parametrize("how", ["", "sys.exit(3)", "raise SystemExit", "1 / 0"])
def test_the_last_words_of_a_program_are_written(how: str) -> None:
    done = python(LAST_WORDS.format(how=how))

    assert json.loads(done.stdout)["message"] == "last words"


FORKING = """
import os
from tapewatch_sdk import logs

logs.configure_logs("a", endpoint="")
log = logs.get_logger("a")
log.info("before")
child = os.fork()
log.info("child" if child == 0 else "parent")
if child:
    os.waitpid(child, 0)
"""


def test_parent_and_child_write_each_line_once() -> None:
    done = python(FORKING)

    assert sorted(json.loads(line)["message"] for line in done.stdout.splitlines()) == ["before", "child", "parent"]
    assert done.stderr == ""


def test_a_signal_handler_may_log_while_a_line_is_logged(
    running: logs.Logs, lines: Lines, apart: logging.Logger
) -> None:
    handled = 0

    def handler(number: int, frame: object) -> None:
        nonlocal handled
        handled += 1
        apart.info("signal")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        while handled < 100:
            apart.info("work")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert running.flush(30)
    assert [line["message"] for line in lines()].count("signal") + running.written.dropped >= 100


def test_many_threads_write_whole_lines(running: logs.Logs, lines: Lines, apart: logging.Logger) -> None:
    def work(name: int) -> None:
        for number in range(200):
            apart.info("%d %d", name, number)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({line["message"] for line in lines()}) == 1600


def test_lines_below_the_level_are_left_out(sending: Sending, receiver: OtlpReceiver) -> None:
    running = sending(receiver.logs_url, level="warning")
    log.info("quiet")
    log.warning("loud")

    assert running.flush()
    assert [record["body"]["stringValue"] for record in receiver.records] == ["loud"]


@pytest.mark.parametrize("level", ["loud", "", None])
def test_a_level_that_is_none_is_refused(level: Any) -> None:
    with pytest.raises(ProblemsError) as caught:
        logs.configure_logs("a", level=level)

    assert [problem.code for problem in caught.value.problems] == ["logs/bad-level"]


def test_an_endpoint_that_is_not_whole_is_refused() -> None:
    with pytest.raises(ProblemsError) as caught:
        logs.configure_logs("a", endpoint="loki:3100")

    assert [problem.code for problem in caught.value.problems] == ["otlp/bad-endpoint"]


def test_without_the_extra_lines_are_written_and_an_endpoint_is_an_error() -> None:
    code = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None  # as if it were not installed\n"
        "from tapewatch_sdk import logs\n"
        "from tapewatch_sdk.errors import ProblemsError\n"
        "logs.configure_logs('a', endpoint='')\n"
        "logs.get_logger('a').info('written')\n"
        "try:\n"
        "    logs.configure_logs('a', endpoint='http://loki:3100/otlp/v1/logs')\n"
        "except ProblemsError as error:\n"
        "    print(error.problems[0].code, file=sys.stderr)\n"
    )
    done = python(code)

    assert json.loads(done.stdout)["message"] == "written"
    assert done.stderr == "otlp/not-installed\n"


def test_importing_it_loads_no_opentelemetry() -> None:
    code = "import sys, tapewatch_sdk.logs; print({'opentelemetry', 'requests', 'asyncio'} & set(sys.modules))"

    assert python(code).stdout == "set()\n"


def test_handlers_that_print_are_taken_off_and_others_stay(root: logging.Logger, tmp_path: Path) -> None:
    printing, file = logging.StreamHandler(), logging.FileHandler(tmp_path / "log")
    root.handlers[:] = [printing, file]

    running = logs.configure_logs("a", stdout=False, endpoint="")

    assert root.handlers == [file, running.handler]


def test_logging_is_configured_once_however_often_it_is(root: logging.Logger) -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.configure_logs("a", stdout=first, endpoint="")
    running = logs.configure_logs("b", stdout=second, endpoint="")
    log.info("one")
    running.close()

    assert first.getvalue() == ""
    assert json.loads(second.getvalue())["service"] == "b"


def test_a_line_that_cannot_be_made_is_counted(
    running: logs.Logs, apart: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record: logging.LogRecord) -> object:
        raise MemoryError

    monkeypatch.setattr("tapewatch_sdk.logs._handler.make_entry", broken)
    apart.info("one")

    assert running.failures == 1


def test_standard_output_is_the_one_at_the_time_of_the_call(root: logging.Logger) -> None:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        running = logs.configure_logs("a", endpoint="")
    log.warning("one")
    running.close()

    assert json.loads(stream.getvalue())["message"] == "one"
