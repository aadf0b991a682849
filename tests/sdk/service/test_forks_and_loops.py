"""A service in a program that forks, or that has an event loop or a server with handlers of its own."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from sdk.events.receiver import Receiver
from sdk.service.ending import WORKING, arrived, messages, terminated, told
from sdk.service.program import run
from sdk.tracing.otlp_receiver import OtlpReceiver

FORKED = (
    WORKING
    + """
if not (child := os.fork()):
    with span("of the child"):
        logging.warning("of the child")
    service.events.emit(EventType.TRADE_REJECTED, {"reason": "of the child"})
    say("child", service.open)
    %s
os.waitpid(child, 0)
say("alive", service.open)
"""
)


@pytest.mark.parametrize("end", ["sys.exit()", "service.close(); os._exit(0)", "os.kill(os.getpid(), 15)"])
def test_a_forked_child_sends_what_it_has_made_and_nothing_else(
    end: str, somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    ended = run(FORKED % end, env=somewhere)

    assert (ended.code, ended.errors) == (0, "")
    assert [line for line in ended.said if not line.startswith("up")] == ["child False", "alive True"]
    assert sorted(receiver.names()) == ["last", "of the child"]
    assert sorted(messages(receiver)) == ["near", "of the child", "service ends", "service is up"]
    assert sorted(told(api)) == [
        ("ENGINE_START", ""), ("ENGINE_STOP", "exit"), ("TRADE_REJECTED", "of the child")
    ]  # fmt: skip


def test_a_child_of_multiprocessing_sends_what_it_has_made(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    code = """
        import multiprocessing

        def work():
            with span("of the child"):
                service.events.emit(EventType.TRADE_REJECTED, {"reason": "of the child"})

        service = start_service("risk-manager", port=0, sampling=1.0)
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        say(process.exitcode)
        """
    ended = run(code, env=somewhere)

    assert (ended.said, ended.errors) == (["0"], "")
    assert receiver.names() == ["of the child"]
    assert ("TRADE_REJECTED", "of the child") in told(api)
    assert [kind for kind, _ in told(api)].count("ENGINE_STOP") == 1


def test_a_forked_child_may_start_a_service_of_its_own(api: Receiver, tmp_path: Path) -> None:
    code = """
        service = start_service("parent", port=0, spool=sys.argv[1])
        if not os.fork():
            with start_service("worker", port=0, spool=sys.argv[1]) as own:
                say("child", own.url != service.url, own.open)
            sys.exit()
        os.wait()
        say("parent", service.open)
        """
    ended = run(code, tmp_path, env={"TAPEWATCH_API_URL": api.url})

    assert ended.said == ["child True True", "parent True"]
    assert sorted((event["source"], event["event_type"]) for event in api.events) == [
        ("parent", "ENGINE_START"), ("parent", "ENGINE_STOP"), ("worker", "ENGINE_START"), ("worker", "ENGINE_STOP")
    ]  # fmt: skip


def looped(body: str) -> str:
    return (
        WORKING
        + f"""
import asyncio

async def main():
{body}

asyncio.run(main())
"""
    )


def test_an_event_loops_own_handler_ends_the_loop_first(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    body = """
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    say("looping")
    await stop.wait()
    say("stopped", service.open)
"""
    ended = terminated(looped(body), somewhere, signal.SIGTERM)

    assert (ended.code, ended.said[-1]) == (0, "stopped True")
    assert arrived(receiver, api, "exit")


def test_an_event_loop_without_a_handler_is_ended_as_ever(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    body = '\n    say("looping")\n    await asyncio.sleep(1000)\n'
    ended = terminated(looped(body), somewhere, signal.SIGTERM)

    assert ended.code == -signal.SIGTERM
    assert arrived(receiver, api, "SIGTERM")


def test_sigint_cancels_the_tasks_of_an_event_loop_before_the_service_ends(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    body = """
    say("looping")
    try:
        await asyncio.sleep(1000)
    finally:
        say("cancelled", service.open)
"""
    ended = terminated(looped(body), somewhere, signal.SIGINT)

    assert (ended.code, ended.said[-1]) == (-signal.SIGINT, "cancelled True")
    assert arrived(receiver, api, "SIGINT")


def test_a_server_that_handles_signals_for_a_while_and_raises_them_again_ends_first(
    somewhere: Mapping[str, str], receiver: OtlpReceiver, api: Receiver
) -> None:
    # As uvicorn does: its handler while it serves, then the one that it found, and the signal once more.
    code = (
        WORKING
        + """
found, caught = signal.getsignal(signal.SIGTERM), []
signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))
say("looping")
while not caught:
    time.sleep(0.02)
say("drained", service.open)
signal.signal(signal.SIGTERM, found)
signal.raise_signal(caught[0])
say("never")
"""
    )
    ended = terminated(code, somewhere, signal.SIGTERM)

    assert (ended.code, ended.said[-1]) == (-signal.SIGTERM, "drained True")
    assert arrived(receiver, api, "SIGTERM")
