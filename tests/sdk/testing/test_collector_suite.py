"""The suite of collectors: a right one passes, and for each test there is a wrong one that fails in this test alone."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sdk.testing.conformance import failed, names_of_tests, outcomes
from tapewatch_sdk.collectors import Collector, Column, ColumnType, Cycle, Reading, Row, Table
from tapewatch_sdk.testing import CollectorSuite

BID, ASK = "market_data_bid", "market_data_ask"
SPREADS = Table(
    "acme_spreads",
    (
        Column("timestamp", ColumnType.TIMESTAMP),
        Column("symbol", ColumnType.VARCHAR),
        Column("bid", ColumnType.DOUBLE),
        Column("ask", ColumnType.DOUBLE),
        Column("ticks", ColumnType.BIGINT),
        Column("wide", ColumnType.BOOLEAN),
    ),
    key=("timestamp", "symbol"),
)


def prices(cycle: Cycle, name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for reading in cycle.of(name):
        if math.isfinite(reading.value) and (symbol := reading.labels.get("symbol")):
            found[symbol] = reading.value
    return found


def rows(cycle: Cycle) -> Iterator[Row]:
    bids, asks = prices(cycle, BID), prices(cycle, ASK)
    for symbol in sorted(bids.keys() | asks.keys()):
        yield Row("acme_spreads", {"symbol": symbol, "bid": bids.get(symbol), "ask": asks.get(symbol)})


def collector(
    collect: Callable[[Any, Cycle], Iterable[Any]] = lambda self, cycle: rows(cycle), **attributes: Any
) -> type[Collector]:
    whole = {
        "name": "acme",
        "__doc__": "Spreads.",
        "reads": (BID, ASK),
        "tables": (SPREADS,),
        "collect": collect,
        **attributes,
    }
    return type("Acme", (Collector,), whole)


def with_values(**values: Any) -> type[Collector]:
    return collector(lambda self, cycle: (replace(row, values={**row.values, **values}) for row in rows(cycle)))


class Suite(CollectorSuite):
    def cycle(self) -> Cycle:
        readings = {
            name: [Reading(service, {"symbol": symbol}, value) for service, symbol, value in (one, two)]
            for name, one, two in (
                (BID, ("kraken", "BTC", 10.0), ("binance", "ETH", 20.0)),
                (ASK, ("kraken", "BTC", 11.0), ("binance", "ETH", 22.0)),
            )
        }
        return Cycle(datetime(2026, 1, 2, tzinfo=UTC), readings, {"kraken": True, "binance": True})


def zero_for_nothing(self: Any, cycle: Cycle) -> Iterator[Row]:
    for row in rows(cycle):
        yield replace(row, values={"symbol": row.values["symbol"], "bid": row.values["bid"] or 0.0})


def last_value_of_who_is_down(self: Any, cycle: Cycle) -> Iterator[Row]:
    if not all(cycle.up.values()):
        yield Row("acme_spreads", {"symbol": "BTC", "bid": 9.0})
        yield Row("acme_spreads", {"symbol": "ETH", "bid": 9.0})
        return
    yield from rows(cycle)


def needs_somebody(self: Any, cycle: Cycle) -> Iterator[Row]:
    assert cycle.up
    yield from rows(cycle)


def needs_labels(self: Any, cycle: Cycle) -> Iterator[Row]:
    assert all(reading.labels["symbol"] for some in cycle.readings.values() for reading in some)
    yield from rows(cycle)


def needs_letters(self: Any, cycle: Cycle) -> Iterator[Row]:
    for some in cycle.readings.values():
        assert all(reading.labels.get("symbol", "X").isalpha() for reading in some)
    yield from rows(cycle)


def counts_in_whole_numbers(self: Any, cycle: Cycle) -> Iterator[Row]:
    for some in cycle.readings.values():
        for reading in some:
            int(reading.value)
    yield from rows(cycle)


def adds_up_for_ever(self: Any, cycle: Cycle) -> Iterator[Row]:
    self.sum = getattr(self, "sum", 0.0)
    bad = [reading.value for reading in cycle.of(BID) if not math.isfinite(reading.value)]
    self.sum += sum(bad)
    for row in rows(cycle):
        yield row if self.sum == 0 else replace(row, values={"symbol": row.values["symbol"], "bid": -1.0})


def takes_out_what_it_reads(self: Any, cycle: Cycle) -> list[Row]:
    found = list(rows(cycle))
    cycle.readings.clear()  # type: ignore[attr-defined]
    return found


def forgets_a_key(self: Any, cycle: Cycle) -> Iterator[Row]:
    for row in rows(cycle):
        yield replace(row, values={**row.values, "symbol": None}) if row.values["symbol"] == "ETH" else row


def looks_around(self: Any, cycle: Cycle) -> Iterator[Row]:
    list(os.scandir("."))
    yield from rows(cycle)


def twice(self: Any, cycle: Cycle) -> Iterator[Row]:
    yield from rows(cycle)
    yield from rows(cycle)


class Eager(Collector):
    """Looks around when it is made."""

    name = "eager"
    reads = (BID,)
    tables = (SPREADS,)

    def __init__(self) -> None:
        self.lines = list(os.scandir("."))

    def collect(self, cycle: Cycle) -> Iterable[Row]:
        return rows(cycle)


WRONG = {
    "test_it_keeps_the_contract_of_its_kind": collector(tables=(replace(SPREADS, key=("venue",)),)),
    "test_its_docstring_says_what_it_adds": collector(__doc__=""),
    "test_a_cycle_gives_rows_of_its_own_tables": collector(lambda self, cycle: [Row("trades", {})]),
    "test_every_value_fits_its_column": with_values(ticks=1.5),
    "test_every_row_fills_its_key": collector(forgets_a_key),
    "test_no_two_rows_of_a_cycle_have_the_same_key": collector(twice),
    "test_a_name_that_is_missing_gives_no_value": collector(zero_for_nothing),
    "test_a_service_that_is_down_gives_no_value": collector(last_value_of_who_is_down),
    "test_a_cycle_without_anything_is_no_error": collector(needs_somebody),
    "test_a_reading_without_labels_is_no_error": collector(needs_labels),
    "test_labels_may_hold_any_text": collector(needs_letters),
    "test_values_that_are_no_numbers_are_no_error": collector(counts_in_whole_numbers),
    "test_values_that_are_no_numbers_are_not_remembered": collector(adds_up_for_ever),
    "test_it_leaves_the_cycle_as_it_was": collector(takes_out_what_it_reads),
    "test_it_touches_neither_disk_nor_network": collector(looks_around),
}


def test_every_test_of_the_suite_has_a_collector_that_fails_in_it() -> None:
    others = {"test_it_is_installed_under_its_own_name", "test_making_it_touches_nothing"}

    assert {*WRONG, *others} == names_of_tests(CollectorSuite)


def test_a_right_collector_passes() -> None:
    found = outcomes(Suite, collector())

    assert failed(found) == {}
    assert len([text for text in found.values() if text == "passed"]) == len(WRONG)


def test_without_a_cycle_of_its_own_every_name_is_exposed_without_labels() -> None:
    def total(self: Any, cycle: Cycle) -> Iterator[Row]:
        found = cycle.total(BID)
        yield Row(
            "acme_spreads", {"symbol": "all", "bid": found if found is not None and math.isfinite(found) else None}
        )

    assert failed(outcomes(CollectorSuite, collector(total))) == {}


@pytest.mark.parametrize("test", WRONG)
def test_a_wrong_collector_fails_in_one_test_alone(test: str) -> None:
    found = failed(outcomes(Suite, WRONG[test]))

    assert list(found) == [test]
    assert "must hold: " in found[test]
    assert "fix: " in found[test]


def test_a_collector_that_nobody_installed_is_found() -> None:
    found = failed(outcomes(Suite, collector(), installed=True))

    assert list(found) == ["test_it_is_installed_under_its_own_name"]


def test_one_that_looks_around_when_it_is_made_is_found() -> None:
    test = "test_making_it_touches_nothing"

    assert list(failed(outcomes(Suite, Eager, test, installed=True))) == [test]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("bid", True),
        ("bid", "1.5"),
        ("ticks", 2**63),
        ("ticks", True),
        ("wide", 1),
        ("symbol", 3),
        ("timestamp", datetime(2026, 1, 2)),
        ("venue", "kraken"),
    ],
)
def test_a_value_of_another_type_is_found(column: str, value: object) -> None:
    test = "test_every_value_fits_its_column"

    assert test in failed(outcomes(Suite, with_values(**{column: value}), test))


def test_a_rate_of_two_cycles_passes() -> None:
    def rate(self: Any, cycle: Cycle) -> Iterator[Row]:
        before, self.before = getattr(self, "before", {}), prices(cycle, BID)
        for symbol, bid in self.before.items():
            yield Row("acme_spreads", {"symbol": symbol, "bid": bid - before[symbol] if symbol in before else None})

    assert failed(outcomes(Suite, collector(rate))) == {}
