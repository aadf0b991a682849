"""What the recording service knows of its own losses: rows received against rows written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.together import Together
from tapewatch.simulating.services.capture import TABLES, Capture
from tapewatch_sdk.events import EventType

Make = Callable[..., Together]

SERVICE = "capture-pipeline"


def capture(platform: Together) -> Capture:
    actor = platform.actors["capture"]
    assert isinstance(actor, Capture)
    return actor


def losses(platform: Together) -> list[dict[str, Any]]:
    """What was told of rows that were lost."""
    errors = [event for event in platform.events(SERVICE) if event.event_type == EventType.DATA_ERROR]
    return [dict(event.data) for event in errors if "table" in event.data]


def test_at_rest_every_row_is_written_or_in_a_buffer(together: Make) -> None:
    platform = together(rate=2)
    buffered = 0
    for _ in range(12):
        platform.run(31)
        for table, found in capture(platform).rows.results().items():
            assert (found.missing, found.surplus, found.complete) == (0, 0, True), table
            assert found.received == found.written + found.buffered > 0, table
            assert found.written == platform.value("iceberg_rows_written_total", table)
            buffered += found.buffered

    assert set(capture(platform).rows.results()) == set(TABLES)
    assert buffered > 0, "at some moment rows waited for a flush"
    assert losses(platform) == []


def test_rows_that_are_lost_are_told_once_a_minute_with_their_table_and_number(together: Make) -> None:
    platform = together()
    platform.run(90)
    platform.fault("incomplete-data=raw_trades")
    platform.run(121)
    platform.fault()
    platform.run(300)

    rows = capture(platform).rows.result("raw_trades")
    told = losses(platform)
    assert {each["table"] for each in told} == {"raw_trades"}
    assert len(told) in (2, 3), "one for each minute in which rows were lost"
    assert told[-1]["missing"] == sum(each["lost"] for each in told) == rows.missing
    assert rows.missing == rows.received - rows.written - rows.buffered
    assert rows.ratio == pytest.approx(0.1 * 121 / 511, rel=0.2)


def test_a_table_that_is_not_written_at_all_is_told_too(together: Make) -> None:
    platform = together()
    platform.fault("capture-stalled=raw_orderbook")
    platform.run(61)

    (told,) = losses(platform)
    assert told["table"] == "raw_orderbook"
    assert told["lost"] > 2_000
    assert platform.value("iceberg_rows_written_total", "raw_orderbook") == 0


def test_a_gap_is_told_with_its_size_and_lost_trades_are_not_counted_as_received(together: Make) -> None:
    platform = together()
    platform.run(60)
    platform.fault("sequence-gap")
    platform.run(10)

    gaps = [event for event in platform.events(SERVICE) if event.event_type == EventType.DATA_ERROR]
    assert [event.data["missing"] for event in gaps] == [3]
    assert platform.value("coinbase_sequence_gaps_total") == 1
    assert capture(platform).rows.result("raw_trades").missing == 0
