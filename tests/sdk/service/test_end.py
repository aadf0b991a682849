"""How a service ends: what is sent, in which order, by which deadline, and what starts the end."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sdk.events.receiver import Receiver
from sdk.service.conftest import Starting
from sdk.service.ending import WAITS, WORKING, arrived, terminated, told
from sdk.service.program import Program, get, run
from sdk.tracing.otlp_receiver import OtlpReceiver
from support.waiting import wait_for
from tapewatch_sdk.events import EventType
from tapewatch_sdk.tracing import span


def test_sigterm_sends_all_that_waits_and_ends_the_process_as_ever(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    with Program(WAITS, env=somewhere) as program:
        program.wait_for("up")
        program.send(signal.SIGTERM)
        ended = program.end()

    assert (ended.code, ended.errors) == (-signal.SIGTERM, "")
    assert arrived(receiver, api, "SIGTERM")


def test_sigint_is_pythons_own_and_everything_is_sent(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    with Program(WAITS, env=somewhere) as program:
        program.wait_for("up")
        program.send(signal.SIGINT)
        ended = program.end()

    assert ended.code == -signal.SIGINT
    assert ended.errors.rstrip().endswith("KeyboardInterrupt")
    assert arrived(receiver, api, "SIGINT")


def test_a_program_that_clears_up_after_sigint_still_has_its_service(
    somewhere: Mapping[str, str], api: Receiver
) -> None:
    code = f"""
try:
    {WAITS.strip().replace(chr(10), chr(10) + "    ")}
except KeyboardInterrupt:
    service.events.emit(EventType.TRADE_REJECTED, {{"reason": "cancelled"}})
"""
    with Program(code, env=somewhere) as program:
        program.wait_for("up")
        program.send(signal.SIGINT)
        ended = program.end()

    assert (ended.code, ended.errors) == (0, "")
    assert told(api) == [("ENGINE_START", ""), ("TRADE_REJECTED", "cancelled"), ("ENGINE_STOP", "exit")]


def test_the_programs_own_handler_of_sigterm_stays(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    with Program("signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n" + WAITS, env=somewhere) as program:
        program.wait_for("up")
        program.send(signal.SIGTERM)
        ended = program.end()

    assert ended.code == 3
    assert arrived(receiver, api, "exit")


@pytest.mark.parametrize(
    "start",
    [
        'start_service("risk-manager", port=0, handle_signals=False)',
        'thread = threading.Thread(target=start_service, args=("risk-manager", 0)); thread.start(); thread.join()',
        'start_service("risk-manager", port=0).close()',
    ],
    ids=["switched off", "started in another thread", "closed"],
)
def test_sigterm_keeps_its_default(start: str) -> None:
    ended = run(f"{start}\nsay(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)")

    assert ended.said == ["True"]


def test_the_end_of_the_program_sends_everything(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    ended = run(WORKING, env=somewhere)

    assert (ended.code, ended.errors) == (0, "")
    assert arrived(receiver, api, "exit")


def test_an_exception_that_ends_the_program_is_a_log_line_and_stands_in_the_audit_trail(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    ended = run(WORKING + "raise ValueError('password=hush')", env=somewhere)

    assert ended.code == 1
    assert ended.errors.count("Traceback") == 1
    assert arrived(receiver, api, "exception")
    assert api.events[-1]["data"]["error"] == "ValueError: password=[redacted]"
    assert api.events[-1]["severity"] == "error"
    line = ended.logged[-1]
    assert (line["level"], line["exception"]["type"]) == ("critical", "ValueError")


def test_a_with_block_ends_the_service(somewhere: Mapping[str, str], api: Receiver) -> None:
    ended = run(
        """
        try:
            with start_service("risk-manager", port=0) as service:
                1 / 0
        except ZeroDivisionError:
            say(service.open, service.close())
        """,
        env=somewhere,
    )

    assert ended.said == ["False True"]
    assert told(api) == [("ENGINE_START", ""), ("ENGINE_STOP", "exception")]


def test_closing_twice_and_from_many_threads_is_closing_once(starting: Starting) -> None:
    service = starting()
    stops: list[str] = []
    service.events.subscribe(EventType.ENGINE_STOP, lambda event: stops.append(event.id))
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(service.close(30))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert found == [True] * 8
    assert service.close() is True
    assert len(stops) == 1
    assert not service.open


def test_readiness_says_no_while_the_rest_is_being_sent(starting: Starting) -> None:
    service = starting()
    held = threading.Event()
    service.events.subscribe(EventType.ENGINE_STOP, lambda event: held.wait(60))
    closing = threading.Thread(target=service.close, args=(60.0,))

    assert get(f"{service.url}/ready")[0] == 200
    closing.start()

    def draining() -> bool:
        status, answer = get(f"{service.url}/ready")
        return status == 503 and json.loads(answer)["checks"]["running"]["status"] == "failed"

    wait_for("it is not ready any more", draining)
    assert get(f"{service.url}/health")[0] == 200
    assert get(f"{service.url}/metrics")[0] == 200
    held.set()
    closing.join(60)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.server.port if service.server else 0), 5).close()


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_backends_that_hang_do_not_hold_up_the_end(black_hole: str, tmp_path: Path) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{black_hole}/v1/traces",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{black_hole}/v1/logs",
        "GRAFANA_PUSH_URL": f"{black_hole}/v1/metrics",
        "TAPEWATCH_API_URL": black_hole,
        "TAPEWATCH_SPOOL": str(tmp_path / "spool"),
    }
    ended = run(
        WORKING
        + """
service.events.subscribe(None, lambda event: time.sleep(1000))
service.events.emit(EventType.TRADE_SUBMITTED, {"n": 1})
time.sleep(0.5)
begun = time.monotonic()
done = service.close(timeout=2)
say(done, time.monotonic() - begun)
counts = service.tracing.counts
say(counts.dropped + counts.waiting, bool(list(__import__("pathlib").Path(sys.argv[1]).rglob("*.jsonl"))))
""",
        tmp_path / "spool",
        env=env,
    )

    done, took = ended.said[1].split()
    assert done == "False"
    assert float(took) < 30, "two seconds were agreed; a hang would be 1000"
    assert ended.said[2] == "1 True"


def test_a_subscriber_that_hangs_leaves_time_for_the_spans(receiver: OtlpReceiver) -> None:
    ended = run(
        WORKING
        + """
service.events.subscribe(None, lambda event: time.sleep(1000))
service.events.emit(EventType.TRADE_SUBMITTED)
say(service.close(timeout=10))
""",
        env={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.traces_url},
    )

    assert ended.said[1] == "False"
    assert receiver.names() == ["last"]


def test_sigterm_in_the_middle_of_closing_lets_it_be_finished_and_ends_the_process(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    code = (
        WORKING
        + """
service.events.subscribe(EventType.ENGINE_STOP, lambda event: (say("closing"), time.sleep(1)))
service.close(30)
say("never")
"""
    )
    with Program(code, env=somewhere) as program:
        program.wait_for("closing")
        program.send(signal.SIGTERM)
        ended = program.end()

    assert (ended.code, ended.errors) == (-signal.SIGTERM, "")
    assert "never" not in ended.said
    assert arrived(receiver, api, "closed")


def test_a_second_sigterm_ends_the_process_at_once(somewhere: Mapping[str, str]) -> None:
    code = """
        service = start_service("risk-manager", port=0, close_timeout=1000)
        service.events.subscribe(EventType.ENGINE_STOP, lambda event: (say("closing"), time.sleep(1000)))
        say("up")
        while True: time.sleep(0.02)  # a signal that comes just before a sleep is seen after it
        """
    with Program(code, env=somewhere) as program:
        program.wait_for("up")
        program.send(signal.SIGTERM)
        program.wait_for("closing")
        program.send(signal.SIGTERM)

        assert program.end().code == -signal.SIGTERM


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_process_1_of_a_container_ends_too(somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver) -> None:
    command = "unshare --user --map-root-user --pid --fork --kill-child"
    code = WORKING + 'threading.Timer(0.5, os.kill, (1, signal.SIGTERM)).start()\nsay("pid", os.getpid())\n'
    with Program(code + "while True: time.sleep(0.02)", env=somewhere, before=command) as program:
        ended = program.end()

    if "unshare failed" in ended.errors:
        pytest.skip(ended.errors)
    assert "pid 1" in ended.said
    assert ended.code == 128 + signal.SIGTERM
    assert arrived(receiver, api, "SIGTERM")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_threads_that_log_until_the_very_end_get_nothing_past_the_handler(end: signal.Signals) -> None:
    code = """
        start_service("risk-manager", port=0)

        def work():
            while True:
                logging.warning("password=hush")

        for _ in range(2):
            threading.Thread(target=work, daemon=True).start()
        say("looping")
        while True: time.sleep(0.02)
        """
    ended = terminated(code, {}, end)

    assert ended.code == -end
    assert "hush" not in "".join(ended.lines)
    assert "hush" not in ended.errors


def test_nothing_raises_after_the_end(starting: Starting) -> None:
    service = starting()
    service.close()

    with span("late"):
        logging.getLogger("late").warning("late")
    service.events.emit(EventType.ERROR)
    service.registry.counter("late_total").inc()
    assert service.flush(1.0) in (True, False)
