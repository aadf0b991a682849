"""Runs the collectors over each round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from tapewatch.history.bridge import Round
from tapewatch.history.collecting.host import Host
from tapewatch.history.samples import Layout, Scrape
from tapewatch.history.store.rows import columns_of, microseconds
from tapewatch.plugins import Plugins, discover
from tapewatch_sdk.collectors import Collector, Cycle, Reading, Row, Table
from tapewatch_sdk.loading import failure
from tapewatch_sdk.problems import Place, Problem

__all__ = ["GROUP", "Collectors"]

GROUP = "tapewatch.collectors"

_Place = tuple[int, str, Mapping[str, str]]
"""Of a series that somebody reads: where its value stands, its name, its labels."""


class Collectors:
    """The collectors of the history.

    Parameters:
        plugins: as `tapewatch.plugins.discover([GROUP])` gives them; without any: these.
        host: read for each round, for what collectors keep of the host itself.

    Attributes:
        problems: collectors that cannot be used, or that raised, each named once.
    """

    def __init__(self, plugins: Plugins | None = None, host: Host | None = None) -> None:
        plugins = plugins or discover([GROUP])
        self.problems: list[Problem] = list(plugins.problems)
        self._host = host
        self._named: set[str] = set()
        self._tables: dict[str, Table] = {}
        self._collectors = [each for each in plugins.of(GROUP) if self._is_alone(each)]
        self._read = frozenset(name for each in self._collectors for name in each.reads)
        self._places: WeakKeyDictionary[Layout, Sequence[_Place]] = WeakKeyDictionary()

    @property
    def tables(self) -> Sequence[Table]:
        """The tables of all collectors that work."""
        return tuple(self._tables.values())

    def collect(self, found: Round) -> list[Row]:
        """The rows of a round, each with its timestamp; a collector that raises is named in `problems`, once.

        A target that answered twice since the last round counts with its newest answer.
        """
        scrapes = {service: list(some) for service, some in found.scrapes.items()}
        up = {service: bool(some) and all(each.up for each in some) for service, some in scrapes.items()}
        if self._host is not None:
            own = self._host.scrape(found.at)
            scrapes.setdefault(own.service, []).append(own)
        readings = self._readings(scrapes)
        moment = datetime.fromtimestamp(found.at, UTC)
        rows: list[Row] = []
        for collector in self._collectors:
            wanted = {name: readings[name] for name in collector.reads if name in readings}
            rows += self._rows(collector, Cycle(moment, wanted, up))
        return rows

    def _rows(self, collector: Collector, cycle: Cycle) -> list[Row]:
        try:
            rows = [self._checked(collector, row, cycle) for row in collector.collect(cycle)]
            # The store refuses a row that does not fit with all of its batch, the samples of the round among it.
            columns_of(rows, self._tables, microseconds(cycle.timestamp))
            return rows
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a plugin raises, the rest goes on
            if collector.name not in self._named:
                self._named.add(collector.name)
                self.problems.append(failure(GROUP, collector.name, "collect", error))
            return []

    def _checked(self, collector: Collector, row: Row, cycle: Cycle) -> Row:
        """The row with its timestamp.

        Raises:
            TypeError, ValueError: it is none of the collector's own tables; this is turned into a problem.
        """
        if not isinstance(row, Row):
            raise TypeError(f"{row!r:.80} is no Row")
        table = next((table for table in collector.tables if table.name == row.table), None)
        if table is None:
            raise ValueError(f"`{row.table}` is none of its tables")
        known = {column.name for column in table.columns}
        if unknown := row.values.keys() - known:
            raise ValueError(f"`{row.table}` has no column `{min(unknown)}`")
        return Row(row.table, {"timestamp": cycle.timestamp, **row.values})

    def _readings(self, scrapes: Mapping[str, Sequence[Scrape]]) -> dict[str, list[Reading]]:
        readings: dict[str, list[Reading]] = {}
        for scrape in _newest(scrapes):
            values = scrape.values
            for index, name, labels in self._wanted(scrape.layout):
                readings.setdefault(name, []).append(Reading(scrape.service, labels, float(values[index])))
        return readings

    def _wanted(self, layout: Layout) -> Sequence[_Place]:
        """The series that some collector reads; looked for once for a layout."""
        places = self._places.get(layout)
        if places is None:
            places = [
                (index, series.name, dict(series.labels))
                for index, series in enumerate(layout.series)
                if series.name in self._read
            ]
            self._places[layout] = places
        return places

    def _is_alone(self, collector: Collector) -> bool:
        """Whether nobody else has its tables; if not it is named and left out."""
        taken = next((table.name for table in collector.tables if table.name in self._tables), None)
        if taken is None:
            self._tables.update((table.name, table) for table in collector.tables)
            return True
        self.problems.append(
            Problem(
                code="plugins/contract",
                summary=f"plugin `{collector.name}` is not used: another collector fills the table `{taken}`",
                must="a table belongs to one collector",
                fix="give its table another name, or uninstall one of the two",
                where=Place(path=f"{GROUP}: {collector.name}"),
            )
        )
        return False


def _newest(scrapes: Mapping[str, Sequence[Scrape]]) -> Iterator[Scrape]:
    """Of each target its newest answer."""
    for some in scrapes.values():
        yield from {scrape.target: scrape for scrape in some if scrape.up}.values()
