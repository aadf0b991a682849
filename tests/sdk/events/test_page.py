"""The page about events: its Python blocks are one program that prints what they show."""

from __future__ import annotations

import subprocess
import sys

from docs.pages import page
from docs.test_examples import matches
from sdk.events.receiver import Receiver
from tapewatch_sdk.events import AUDIT_TYPES, EventType, _backoff, _rounds, sending, spool

PAGE = page("sdk/events.md")


def test_the_program_prints_what_the_page_shows_and_its_audit_trail_arrives(receiver: Receiver) -> None:
    code = "\n".join(block.text for block in PAGE.blocks if block.language == "python")
    shown = "\n".join(block.text.strip("\n") for block in PAGE.blocks if block.language == "text")

    done = subprocess.run(
        [sys.executable, "-c", code.replace("http://127.0.0.1:8000", receiver.url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert matches(done.stdout, shown), done.stdout
    assert [event["event_type"] for event in receiver.events] == ["KILL_SWITCH_TRIGGERED"]


def test_every_event_type_is_told() -> None:
    spans = set(PAGE.spans)

    assert [kind for kind in EventType if kind not in spans] == []


def test_the_numbers_are_those_of_the_code() -> None:
    told = " ".join(PAGE.text.split())

    assert len(AUDIT_TYPES) == 6
    assert "kill switch and breaker trips, rejected orders, start and stop of the engine, alerts" in told
    assert f"({spool.LIMIT >> 20} MiB)" in told
    assert f"at most {spool.BATCH} at once" in told
    assert f"from {_backoff.FIRST_PAUSE:g} to {_backoff.LONGEST_PAUSE:g} s" in told
    assert f"refuses an event ({', '.join(map(str, sorted(sending.REFUSED)))})" in told
    assert f"some {_rounds.ROUND_SECONDS * 1000:g} ms" in told
