"""The collectors run over a round: each is given what it reads, and a broken one costs nobody else a row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tapewatch.history.bridge import Round
from tapewatch.history.collecting import Collectors, Host
from tapewatch.history.samples import Layout, Scrape, Series
from tapewatch.plugins import Plugins, discover
from tapewatch_sdk.collectors import Collector, Column, ColumnType, Cycle, Row, Table
from tapewatch_sdk.loading import Found

GROUP = "tapewatch.collectors"
LAYOUT = Layout((Series("a", (("x", "1"),), "gauge"), Series("b", (), "gauge"), Series("unread", (), "gauge")))


class Plain(Collector):
    """Keeps what `a` is."""

    name = "plain"
    reads = ("a", "missing")
    tables = (
        Table("plain", (Column("timestamp", ColumnType.TIMESTAMP), Column("value", ColumnType.DOUBLE)), ("timestamp",)),
    )

    def __init__(self) -> None:
        self.cycles: list[Cycle] = []

    def collect(self, cycle: Cycle) -> Iterable[Row]:
        self.cycles.append(cycle)
        return [Row("plain", {"value": reading.value}) for reading in cycle.of("a")]


class Broken(Plain):
    """Raises."""

    name = "broken"
    tables = (Table("broken", (Column("timestamp", ColumnType.TIMESTAMP),)),)
    answer: Any = None

    def collect(self, cycle: Cycle) -> Iterable[Row]:
        yield Row("broken", {})
        if self.answer is None:
            raise ZeroDivisionError("no fill yet")
        yield self.answer


def collectors(*plugins: Collector, host: Host | None = None) -> Collectors:
    return Collectors(Plugins(Found(GROUP, each.name, "test", each) for each in plugins), host)


def scrape(service: str, a: float = 1.0, target: str = "one", **more: Any) -> Scrape:
    return Scrape(service, target, 1000.0, layout=LAYOUT, values=np.array([a, 2.0, 3.0]), **more)


def round_of(*scrapes: Scrape, **services: list[Scrape]) -> Round:
    by_service: dict[str, list[Scrape]] = dict(services)
    for each in scrapes:
        by_service.setdefault(each.service, []).append(each)
    return Round(1000.5, by_service)


def test_a_collector_is_given_what_it_reads_and_nothing_else() -> None:
    plain = Plain()
    rows = collectors(plain).collect(round_of(scrape("one", 5.0), scrape("two", 6.0)))

    (cycle,) = plain.cycles
    assert cycle.timestamp == datetime.fromtimestamp(1000.5, UTC)
    assert cycle.readings.keys() == {"a"}
    assert [(each.service, dict(each.labels), each.value) for each in cycle.of("a")] == [
        ("one", {"x": "1"}, 5.0),
        ("two", {"x": "1"}, 6.0),
    ]
    assert [row.values for row in rows] == [
        {"timestamp": cycle.timestamp, "value": 5.0},
        {"timestamp": cycle.timestamp, "value": 6.0},
    ]


def test_it_knows_who_is_up() -> None:
    plain = Plain()
    down = Scrape("down", "x", 1000.0, error="cannot be reached")
    collectors(plain).collect(round_of(scrape("one"), down, pushes=[]))

    assert plain.cycles[0].up == {"one": True, "down": False, "pushes": False}
    assert [each.service for each in plain.cycles[0].of("a")] == ["one"]


def test_of_two_answers_of_a_target_the_newest_counts_and_two_targets_count_both() -> None:
    plain = Plain()
    collectors(plain).collect(round_of(scrape("one", 1.0), scrape("one", 2.0), scrape("one", 3.0, "other")))

    assert [each.value for each in plain.cycles[0].of("a")] == [2.0, 3.0]


def test_one_that_raises_is_named_once_and_only_its_rows_are_left_out() -> None:
    engine = collectors(Broken(), Plain())

    first, second = (engine.collect(round_of(scrape("one"))) for _ in range(2))

    assert [row.table for row in first] == [row.table for row in second] == ["plain"]
    (problem,) = engine.problems
    assert problem.code == "plugins/failed"
    assert problem.summary == "plugin `broken` failed in `collect`: ZeroDivisionError: no fill yet"


def test_rows_that_are_none_of_its_own_are_refused() -> None:
    for answer, words in (
        (Row("plain", {}), "`plain` is none of its tables"),
        (Row("broken", {"colour": 1}), "`broken` has no column `colour`"),
        ("broken", "is no Row"),
        # The store would refuse it, and with it the whole round.
        (Row("broken", {"timestamp": "noon"}), "broken.timestamp is a TIMESTAMP, and got 'noon'"),
    ):
        broken = Broken()
        broken.answer = answer
        engine = collectors(broken, Plain())

        assert [row.table for row in engine.collect(round_of(scrape("one")))] == ["plain"]
        assert words in engine.problems[0].summary


def test_a_table_belongs_to_one_collector() -> None:
    class Other(Plain):
        name = "other"

    engine = collectors(Plain(), Other())

    assert [table.name for table in engine.tables] == ["plain"]
    assert "another collector fills the table `plain`" in engine.problems[0].summary
    assert len(engine.collect(round_of(scrape("one")))) == 1


def test_the_host_is_read_for_those_who_ask_for_it(tmp_path: Path) -> None:
    states = iter(["starting", "ready", "ready"])
    host = Host(lambda: next(states), lambda: 3, tmp_path)
    engine = Collectors(discover([GROUP]), host)

    first, second = (
        next(row.values for row in engine.collect(round_of()) if row.table == "system_metrics") for _ in range(2)
    )

    assert engine.problems == []
    assert (first["health_status"], second["health_status"]) == ("starting", "ready")
    assert first["active_alerts"] == 3
    for percent in ("cpu_percent", "memory_percent", "disk_usage_percent"):
        value = second[percent]
        assert isinstance(value, float)
        assert 0 <= value <= 100
    assert isinstance(second["uptime_seconds"], float)
    assert second["uptime_seconds"] > 0


def test_what_nobody_knows_of_the_host_is_left_out() -> None:
    rows = Collectors(discover([GROUP]), Host(disk=Path("/nowhere/at/all"))).collect(round_of())

    (row,) = rows
    for unknown in ("health_status", "active_alerts", "disk_usage_percent"):
        assert row.values[unknown] is None
