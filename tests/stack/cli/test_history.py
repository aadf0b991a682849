"""`tapewatch history sql|export|restore|compact|retain`, with a process that has the store open and without one."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from support.cli import run
from support.stored import at, scrape
from tapewatch.history.store import Batch, Store
from tapewatch_sdk.events import Event, EventType

PRICE = ("market_data_price", "BTC-USD", "gauge")
FILE = "data/observability.duckdb"


@pytest.fixture(params=["open", "closed"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A project with a history; a process, this one, may have it open."""
    store = Store.open(tmp_path / FILE)
    store.write(Batch([scrape(seconds, {PRICE: seconds / 3}) for seconds in range(0, 7200, 60)]))
    store.write(
        Batch(events=[Event(EventType.TRADE_FILLED, at(9), {"trade_id": "t1", "symbol": "BTC-USD", "price": 5})])
    )
    if request.param == "open":
        store.serve()
    else:
        store.close()
    yield tmp_path
    store.close()


def history(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("history", *arguments, folder=folder)


def test_sql_prints_a_table_json_or_csv(folder: Path) -> None:
    text = "SELECT timestamp, value, labels FROM trading_metrics ORDER BY timestamp LIMIT 2"
    table, data, rows = (history(folder, "sql", text, f"--format={each}") for each in ("table", "json", "csv"))

    assert table.stdout.splitlines()[0].split() == ["timestamp", "value", "labels"]
    assert max(map(len, table.stdout.splitlines())) <= 80
    assert json.loads(data.stdout)[1] == {
        "timestamp": "2026-01-01T00:01:00+00:00", "value": 20.0, "labels": {"symbol": "BTC-USD"},
    }  # fmt: skip
    assert list(csv.reader(StringIO(rows.stdout)))[1:] == [
        ["2026-01-01 00:00:00", "0", '{"symbol": "BTC-USD"}'], ["2026-01-01 00:01:00", "20", '{"symbol": "BTC-USD"}'],
    ]  # fmt: skip


def test_json_keeps_every_column_of_one_name(folder: Path) -> None:
    done = history(folder, "sql", "SELECT 1 AS a, 2 AS a_1, 3 AS a, 4 AS a", "--format=json")

    assert json.loads(done.stdout) == [{"a": 1, "a_1": 2, "a_2": 3, "a_3": 4}]


def test_a_row_that_is_too_wide_is_a_list_of_its_values(folder: Path) -> None:
    text = "SELECT range AS n, repeat('ab', 50) AS long, NULL AS nothing FROM range(2)"

    lines = [line.rstrip() for line in history(folder, "sql", text).stdout.splitlines()]

    assert lines[0].rstrip("-") == "row 1 "
    assert lines[1:5] == ["n        0", f"long     {'ab' * 35}a", f"         b{'ab' * 14}", "nothing"]
    assert lines[5].startswith("row 2 -")


def test_no_line_is_broken_where_there_is_no_terminal(folder: Path) -> None:
    words = ["env", "-u", "COLUMNS", sys.executable, "-m", "tapewatch.cli", "history", "sql"]

    done = subprocess.run(
        [*words, "SELECT repeat('ab', 500) AS long, 1 AS n"], cwd=folder, capture_output=True, text=True, check=True
    )

    assert [line.split() for line in done.stdout.splitlines()] == [["long", "n"], ["ab" * 500, "1"]]


def test_what_a_label_says_does_not_steer_the_terminal(folder: Path) -> None:
    done = history(folder, "sql", "SELECT 'a' || chr(27) || '[2Jb' AS told")

    assert done.stdout.split() == ["told", "a\\x1b[2Jb"]


def test_sql_says_when_there_is_more(folder: Path) -> None:
    done = history(folder, "sql", "SELECT value FROM trading_metrics", "--limit=3", "--format=csv")

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4)
    assert "more than these 3 rows" in done.stderr


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DROP TABLE samples", "history/not-reading"),
        ("SELEC", "history/bad-query"),
        ("FROM '/etc/passwd'", "history/bad-query"),
    ],
)
def test_sql_reads_and_does_nothing_else(folder: Path, text: str, code: str) -> None:
    done = history(folder, "sql", text)

    assert done.returncode == 2
    assert f"error[{code}]" in done.stderr


def test_what_was_exported_is_restored(folder: Path) -> None:
    exported = history(folder, "export", "backup", "--start=2026-01-01T01:00")
    restored = history(folder, "restore", "backup", "--database=other.duckdb")
    count = history(folder, "sql", "SELECT count(*) FROM trading_metrics", "--database=other.duckdb", "--format=csv")

    assert exported.stdout.startswith("exported 1 series, 60 samples")
    assert restored.stdout.startswith("restored 1 series, 60 samples")
    assert count.stdout.splitlines()[1] == "60"
    assert "history/export" in history(folder, "export", "backup").stderr


def test_what_is_too_old_is_removed_and_the_file_made_smaller(folder: Path) -> None:
    retained, compacted = history(folder, "retain", "--keep=samples=1h"), history(folder, "compact")

    assert retained.stdout == "removed 59 samples\n"
    assert compacted.stdout.endswith(" MB now\n")
    trades = history(folder, "sql", "SELECT trade_id, price FROM trades", "--format=csv")
    assert trades.stdout == "trade_id,price\nt1,5\n"


@pytest.mark.parametrize("folder", ["open"], indirect=True)
def test_a_store_that_is_open_is_not_restored_into(folder: Path) -> None:
    history(folder, "export", "backup")
    done = history(folder, "restore", "backup")

    assert done.returncode == 2
    assert "error[history/locked]" in done.stderr


@pytest.mark.parametrize("words", [["sql", "SELECT 1"], ["export", "x"], ["compact"], ["retain"]])
def test_where_there_is_no_history_none_is_made(tmp_path: Path, words: list[str]) -> None:
    done = history(tmp_path, *words)

    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "error[history/missing]" in done.stderr


def test_a_folder_of_sockets_that_is_not_there_or_is_another_s_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(tmp_path / FILE).close()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "login-that-is-over"))
    assert history(tmp_path, "sql", "SELECT 42 AS a", "--format=csv").stdout == "a\n42\n"

    (tmp_path / "tapewatch").mkdir(mode=0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for words in (["sql", "SELECT 1"], ["compact"]):
        done = history(tmp_path, *words)
        assert (done.returncode, "history/socket" in done.stderr) == (2, True)
        assert "Traceback" not in done.stderr
