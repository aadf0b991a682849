"""Killed at any moment: what was acknowledged is there, and no half of anything."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from tapewatch.history.store import Store, look_into

PROGRAM = Path(__file__).with_name("killed_store.py")
KILLS = 50
LONGEST = 0.15
"""Seconds after its first batch at which a process is killed at the latest: some ten batches, two moves."""

COUNTS = """
    SELECT number, (SELECT count(*) FROM trading_metrics WHERE value = number), (SELECT count(*) FROM events
    WHERE id = 'event-' || number) FROM numbers ORDER BY number
"""


def test_after_fifty_kills_every_acknowledged_batch_is_there_and_none_is_there_by_half(tmp_path: Path) -> None:
    file, chance = tmp_path / "history.duckdb", random.Random(8)
    program = [sys.executable, str(PROGRAM), str(file)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for kill in range(1, KILLS + 1):
            process.stdin.write(f"{LONGEST * chance.random()}\n")
            process.stdin.flush()
            acknowledged = int(process.stdout.readline())
            if kill % 10 == 0:
                check(file, acknowledged)
        process.stdin.close()

    with Store.open(file) as store:
        (most,) = store.reader().sql("SELECT count(*) FROM numbers").rows[0]
    assert most >= acknowledged >= KILLS
    assert [path.name for path in tmp_path.iterdir()] == ["history.duckdb"]


def check(file: Path, acknowledged: int) -> None:
    reader = look_into(file)
    found = reader.sql(COUNTS).rows
    reader.close()
    # One more may have been written whose acknowledgement did not get through.
    assert len(found) in (acknowledged, acknowledged + 1)
    assert [number for number, *_ in found] == list(range(1, len(found) + 1))
    assert {tuple(counts) for _, *counts in found} == {(3, 1)}
