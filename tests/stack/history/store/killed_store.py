"""Run as a program by test_kills: a process writes batches and tells of each that is acknowledged, until it is killed.

    killed_store.py FILE

For each line of standard input, the seconds until the kill, a process is forked; the last number that it acknowledged
is printed. It goes on with the number after the last one that is there. A batch holds three samples, an event and a
row, all with its number. A chunk is moved into the file after every seventh batch, so that kills fall into that too.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from itertools import count
from pathlib import Path

import numpy as np

from tapewatch.history.samples import Layout, Scrape, Series
from tapewatch.history.store.contract import Batch
from tapewatch.history.store.keeping import Keeper
from tapewatch_sdk.collectors import Column, ColumnType, Row, Table
from tapewatch_sdk.events import Event, EventType

TABLE = Table("numbers", (Column("timestamp", ColumnType.TIMESTAMP), Column("number", ColumnType.BIGINT)), ("number",))
LAYOUT = Layout(tuple(Series("number", (("part", str(part)),), "gauge") for part in range(3)))
BEGIN = 1_767_225_600


def batch(number: int) -> Batch:
    at = BEGIN + number
    scrape = Scrape("one", "one:1", at, layout=LAYOUT, values=np.full(3, float(number)))
    event = Event(EventType.CYCLE_END, data={"number": number}, id=f"event-{number}")
    return Batch([scrape], [Row("numbers", {"number": number})], [event], at)


def write_on(file: Path, told: int) -> None:
    keeper = Keeper(file)
    if "numbers" not in keeper.engine.tables:
        keeper.define(TABLE)
    ((last,),) = keeper.cursor().execute("SELECT coalesce(max(number), 0) FROM numbers").fetchall()
    for number in count(last + 1):
        keeper.write([batch(number)])
        os.write(told, f"{number}\n".encode())
        if number % 7 == 0:
            keeper.turn()


def killed(file: Path, after: float) -> int:
    """Let a process write, kill it, and give the last number that it acknowledged."""
    hears, told = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            write_on(file, told)
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(hears) as lines:
        first = lines.readline()
        time.sleep(after)  # the kill is to fall anywhere
        os.kill(process, signal.SIGKILL)
        rest = [line for line in lines.read().splitlines(keepends=True) if line.endswith("\n")]
    os.waitpid(process, 0)
    return int([first, *rest][-1])


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{killed(Path(sys.argv[1]), float(line))}\n")
        sys.stdout.flush()
