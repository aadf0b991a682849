"""The suite of collectors."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from tapewatch_sdk.collectors import ColumnType, Cycle, Reading, Row, Table, Value
from tapewatch_sdk.testing._saying import hold, skip
from tapewatch_sdk.testing._watching import watched
from tapewatch_sdk.testing.suite import Suite

__all__ = ["CollectorSuite"]

_KINDS: Mapping[ColumnType, type | tuple[type, ...]] = {
    ColumnType.TIMESTAMP: datetime,
    ColumnType.VARCHAR: str,
    ColumnType.DOUBLE: (int, float),
    ColumnType.BIGINT: int,
    ColumnType.BOOLEAN: bool,
}
_ODD = "\"'\\;--\n{}é日"

_Cell = tuple[str, tuple[Value, ...], str]
"""A value's place: table, what tells the row from others, column."""


class CollectorSuite(Suite):
    """What holds for a collector: rows of its own tables that fit them, and not one value that nobody supplied."""

    group: ClassVar[str] = "tapewatch.collectors"

    def cycle(self) -> Cycle:
        """A round of scrapes that brings all that the collector reads; to be overridden for names with labels.

        Without that, two services expose every name, without labels.
        """
        readings = {
            name: [Reading(service, {}, 10.0 * number + place) for place, service in enumerate(("one", "two"), 1)]
            for number, name in enumerate(self.made().reads, 1)
        }
        return Cycle(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), readings, {"one": True, "two": True})

    # Tests of the rows.

    def test_a_cycle_gives_rows_of_its_own_tables(self) -> None:
        collector = self.made()
        rows = self._run(collector, *self._cycles)
        tables = {table.name for table in collector.tables}
        hold(
            rows,
            "the cycles of the suite give no row",
            "the suite sees at least one row, or it has nothing to test",
            "override `cycle(self)`: a round with every name that the collector reads, and its labels",
        )
        for row in rows:
            hold(
                isinstance(row, Row) and row.table in tables,
                f"it gives {row!r:.80}",
                f"it gives Row(table, values), and the table is one of its own: {', '.join(sorted(tables))}",
                "add the table to `tables`, or correct its name",
            )

    def test_every_value_fits_its_column(self) -> None:
        for table, row in self._rows():
            types = {column.name: column.type for column in table.columns}
            for name, value in row.values.items():
                hold(
                    name in types,
                    f"a row of `{table.name}` has `{name}`, and the table has no such column",
                    "every value belongs to a column of the table",
                    "add the column, or correct its name",
                )
                hold(
                    _fits(value, types[name]),
                    f"`{name}` of `{table.name}` is a {types[name]}, and the value is {value!r}",
                    "the value is of the column's type (a timestamp has a zone), or None",
                    "convert it, or declare another type",
                )

    def test_every_row_fills_its_key(self) -> None:
        for table, row in self._rows():
            lacking = [name for name in table.key if name != "timestamp" and row.values.get(name) is None]
            hold(
                not lacking,
                f"a row of `{table.name}` has no {', '.join(lacking)}",
                "the columns of the key are there in every row",
                "leave the row out when its key is not known",
            )

    def test_no_two_rows_of_a_cycle_have_the_same_key(self) -> None:
        keys = [(table.name, *(row.values.get(name) for name in table.key)) for table, row in self._rows() if table.key]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        hold(
            not twice,
            f"two rows of one cycle have the key {', '.join(twice)}",
            "a row whose key is there already takes its place: one of the two is lost",
            "add up what belongs together, or take more columns into the key",
        )

    # Tests of what is not there.

    def test_a_name_that_is_missing_gives_no_value(self) -> None:
        names = [name for name in self.made().reads if self._cycles[0].readings.get(name)]
        self._made_up(names, _scaled_name, _without_name, "is exposed by nobody")

    def test_a_service_that_is_down_gives_no_value(self) -> None:
        services = sorted({each.service for some in self._cycles[0].readings.values() for each in some})
        self._made_up(services, _scaled_service, _without_service, "is down")

    def test_a_cycle_without_anything_is_no_error(self) -> None:
        self._working()
        self._survives([Cycle(self._cycles[0].timestamp, {}, {})], "for a cycle without readings and services")

    def test_a_reading_without_labels_is_no_error(self) -> None:
        self._working()
        self._survives([_relabelled(each, lambda _: {}) for each in self._cycles], "for readings without labels")

    def test_labels_may_hold_any_text(self) -> None:
        self._working()
        odd = [_relabelled(each, lambda labels: dict.fromkeys(labels, _ODD)) for each in self._cycles]
        self._survives(odd, "for labels with odd texts")

    def test_values_that_are_no_numbers_are_no_error(self) -> None:
        self._working()
        self._survives(self._no_numbers, "for NaN and infinite values")

    # Tests of what it keeps.

    def test_values_that_are_no_numbers_are_not_remembered(self) -> None:
        self._working()
        after, usual = self.made(), self._run(self.made(), *self._cycles)
        try:
            rows = self._run(after, *self._no_numbers, *self._cycles)
        except Exception:  # noqa: BLE001 -- whatever it raises
            skip("it raises, see test_values_that_are_no_numbers_are_no_error")
        hold(
            self._cells(rows) == self._cells(usual),
            f"after a cycle of NaN and infinite values it gives {rows}, and without it {usual}",
            "one bad value spoils its own cycle and none after it",
            "leave out what is not finite (`math.isfinite`) before you remember or add up",
        )

    def test_it_leaves_the_cycle_as_it_was(self) -> None:
        self._working()
        cycle = self._cycles[0]
        before = copy.deepcopy((cycle.readings, cycle.up))
        list(self.made().collect(cycle))
        hold(
            (cycle.readings, cycle.up) == before,
            f"afterwards the cycle holds {cycle.readings}, and before it held {before[0]}",
            "every collector is given the same cycle, so that nobody may change it",
            "copy what you change",
        )

    def test_it_touches_neither_disk_nor_network(self) -> None:
        self._working()
        collector = self.made()
        self._run(collector, self._cycles[0])
        with watched() as seen:
            self._run(collector, self._cycles[1])
        hold(
            not seen,
            f"`collect` {'; '.join(dict.fromkeys(seen))}",
            "it is called once a second and does no I/O: the bridge waits for it",
            "compute from the cycle alone",
        )

    # For the tests.

    @property
    def _cycles(self) -> tuple[Cycle, Cycle]:
        """The author's cycle, and one a second later in which every value is a little more, for rates."""
        first = self.cycle()
        later = _changed(first, lambda reading: replace(reading, value=reading.value * 1.25 + 1))
        return first, replace(later, timestamp=first.timestamp + timedelta(seconds=1))

    @property
    def _no_numbers(self) -> list[Cycle]:
        first = self._cycles[0]
        return [
            replace(
                _changed(first, lambda reading, value=value: replace(reading, value=value)),  # type: ignore[misc]
                timestamp=first.timestamp - timedelta(seconds=10 - number),
            )
            for number, value in enumerate((math.nan, math.inf, -math.inf))
        ]

    def _run(self, collector: Any, *cycles: Cycle) -> list[Any]:
        """The rows of the last cycle."""
        rows: list[Any] = []
        for cycle in cycles:
            rows = list(collector.collect(copy.deepcopy(cycle)))
        return rows

    def _rows(self) -> Iterable[tuple[Table, Row]]:
        collector = self.made()
        tables = {table.name: table for table in collector.tables}
        rows = self._working()
        return [(tables[row.table], row) for row in rows]

    def _working(self) -> list[Row]:
        """The rows of the suite's cycles; where they are none or not of its tables, the test is skipped."""
        collector = self.made()
        tables = {table.name for table in collector.tables}
        rows = self._run(collector, *self._cycles)
        if not rows or not all(isinstance(row, Row) and row.table in tables for row in rows):
            skip("see test_a_cycle_gives_rows_of_its_own_tables")
        return rows

    def _survives(self, cycles: Sequence[Cycle], when: str) -> None:
        try:
            self._run(self.made(), *cycles)
        except Exception as error:
            raise AssertionError(
                f"`collect` raised {when}: {type(error).__name__}: {error}\n"
                "  must hold: it gives rows, perhaps none; one that raises loses all rows of the cycle\n"
                "  fix: leave out what is not as it should be: `labels.get(...)`, `math.isfinite(value)`"
            ) from error

    def _cells(self, rows: Iterable[Row]) -> dict[_Cell, Value]:
        """Every value but the keys, by its place."""
        tables = {table.name: table for table in self.made().tables}
        found: dict[_Cell, Value] = {}
        for row in rows:
            table = tables[row.table]
            known = table.key or tuple(each.name for each in table.columns if each.type is ColumnType.VARCHAR)
            identity = tuple(row.values.get(name) for name in known if name != "timestamp")
            found |= {
                (row.table, identity, name): value
                for name, value in row.values.items()
                if name not in known and name != "timestamp" and not _is_nan(value)
            }
        return found

    def _made_up(
        self,
        units: Sequence[str],
        scaled: Callable[[Cycle, str], Cycle],
        without: Callable[[Cycle, str], Cycle],
        how: str,
    ) -> None:
        """Whether a value that depends on some names, or services, is gone when all of these are."""
        self._working()
        usual = self._cells(self._run(self.made(), *self._cycles))
        needs: dict[_Cell, set[str]] = {cell: set() for cell in usual}
        for unit in units:
            other = self._cells(self._run(self.made(), *(scaled(cycle, unit) for cycle in self._cycles)))
            for cell, value in usual.items():
                if other.get(cell) != value:
                    needs[cell].add(unit)
        for cell, wanted in needs.items():
            if not wanted:
                continue
            cycles: Sequence[Cycle] = self._cycles
            for unit in sorted(wanted):
                cycles = [without(cycle, unit) for cycle in cycles]
            try:
                left = self._cells(self._run(self.made(), *cycles)).get(cell)
            except Exception as error:
                raise AssertionError(
                    f"`collect` raised while {', '.join(sorted(wanted))} {how}: {type(error).__name__}: {error}\n"
                    "  must hold: it gives the rows that it can, and None for what nobody supplies\n"
                    "  fix: ask whether a reading is there before you use it"
                ) from error
            hold(
                left is None,
                f"`{cell[2]}` of `{cell[0]}` is {left!r} while {', '.join(sorted(wanted))} {how}",
                "what no service supplies is None, or its row is left out; it is never made up, nor an old value",
                "give None where there is no reading: `cycle.total(name)` does",
            )


def _fits(value: Value, wanted: ColumnType) -> bool:
    if value is None:
        return True
    if wanted is not ColumnType.BOOLEAN and isinstance(value, bool):
        return False
    if isinstance(value, datetime) and value.tzinfo is None:
        return False
    if wanted is ColumnType.BIGINT and isinstance(value, int) and not -(2**63) <= value < 2**63:
        return False
    return isinstance(value, _KINDS[wanted])


def _is_nan(value: Value) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _changed(cycle: Cycle, change: Callable[[Reading], Reading | None]) -> Cycle:
    """The cycle with each reading changed, or left out where there is none any more."""
    readings = {
        name: [after for each in some if (after := change(each)) is not None] for name, some in cycle.readings.items()
    }
    return replace(cycle, readings={name: some for name, some in readings.items() if some})


def _relabelled(cycle: Cycle, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Cycle:
    return _changed(cycle, lambda reading: replace(reading, labels=change(reading.labels)))


def _more(reading: Reading) -> Reading:
    return replace(reading, value=reading.value * 3 + 7)


def _scaled_name(cycle: Cycle, name: str) -> Cycle:
    readings = {each: [_more(one) if each == name else one for one in some] for each, some in cycle.readings.items()}
    return replace(cycle, readings=readings)


def _scaled_service(cycle: Cycle, service: str) -> Cycle:
    return _changed(cycle, lambda reading: _more(reading) if reading.service == service else reading)


def _without_name(cycle: Cycle, name: str) -> Cycle:
    return replace(cycle, readings={each: some for each, some in cycle.readings.items() if each != name})


def _without_service(cycle: Cycle, service: str) -> Cycle:
    left = _changed(cycle, lambda reading: None if reading.service == service else reading)
    return replace(left, up={**cycle.up, service: False})
