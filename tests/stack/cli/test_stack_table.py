"""The table of services that `up` and `status` print, and the lines of progress."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import yaml

from support.samples import ROOT
from tapewatch.cli._board import board
from tapewatch.cli._table import ago, rows_as_text
from tapewatch.running.containers import State
from tapewatch.running.project import Service
from tapewatch.running.status import Row

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def row(name: str, image: str, version: str, *, url: str = "", stand_in: bool = True) -> Row:
    since = NOW - timedelta(minutes=59)
    return Row(name, State.RESTARTING, image, Service(name, image).pinned, version, stand_in, url, since)


def test_the_whole_stack_fits_eighty_columns() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    rows = [
        row(name, each["image"], Service(name, each["image"]).pinned, url="http://127.0.0.1:19093")
        for name, each in services.items()
    ]

    lines = rows_as_text(rows, NOW).splitlines()

    assert len(lines) == len(rows) + 1
    assert max(map(len, lines)) <= 80


def test_a_version_that_is_not_the_pinned_one_is_told_below() -> None:
    same = row("prometheus", "prom/prometheus:v3.13.5", "3.13.5", stand_in=False)
    other = row("jaeger", "jaegertracing/jaeger:2.20.0", "2.13.0")

    lines = rows_as_text([same, other], NOW).splitlines()

    assert lines[-1] == "jaeger runs 2.13.0; jaegertracing/jaeger:2.20.0 promises 2.20.0"
    assert "2.13.0 stand-in" in lines[2]
    assert "stand-in" not in lines[1]
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (172800, "2 d")],
)
def test_a_time_is_told_in_its_largest_unit(seconds: int, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_without_a_terminal_each_change_is_a_line_and_waiting_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with board(["one", "another"]) as shown:
        shown.told("one", "waiting")
        shown.told("one", "starting")
        shown.told("another", "left out")

    lines = [line.split() for line in capsys.readouterr().err.splitlines()]
    assert [line[:-2] for line in lines] == [["one", "starting"], ["another", "left", "out"]]
    assert all(line[-1] == "s" for line in lines)
