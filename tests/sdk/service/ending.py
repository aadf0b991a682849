"""Programs that have done some work in a service, and what has arrived of it once they have ended."""

from __future__ import annotations

import signal
from collections.abc import Mapping

from sdk.events.receiver import Receiver
from sdk.service.program import Ended, Program
from sdk.tracing.otlp_receiver import OtlpReceiver

__all__ = ["WAITS", "WORKING", "arrived", "messages", "terminated", "told"]

WORKING = """
service = start_service("risk-manager", port=0, sampling=1.0)
with span("last"):
    logging.getLogger("limits").warning("near")
say("up", service.url)
"""

WAITS = WORKING + "while True: time.sleep(0.02)\n"


def messages(receiver: OtlpReceiver) -> list[str]:
    """The messages of the log lines that have arrived."""
    return [record["body"]["stringValue"] for record in receiver.records]


def told(api: Receiver) -> list[tuple[str, str]]:
    """The events that have arrived, with the reason that stands in them."""
    return [(event["event_type"], event["data"].get("reason", "")) for event in api.events]


def arrived(receiver: OtlpReceiver, api: Receiver, reason: str) -> bool:
    """Whether everything has arrived that such a program has made, and nothing twice."""
    assert receiver.names() == ["last"]
    assert messages(receiver) == ["service is up", "near", "service ends"]
    assert told(api) == [("ENGINE_START", ""), ("ENGINE_STOP", reason)]
    return True


def terminated(code: str, env: Mapping[str, str], number: signal.Signals) -> Ended:
    """Runs a program until it says that it is looping, and sends it a signal."""
    with Program(code, env=env) as program:
        program.wait_for("looping")
        program.send(number)
        return program.end()
