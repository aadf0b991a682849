"""A disk that becomes full: writing stops and says so, reading goes on, writing resumes by itself, nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from support.stored import scrape
from support.waiting import wait_for
from tapewatch.history.store import Batch, Store, StoreFullError
from tapewatch_sdk.errors import ProblemsError

MEGABYTES = 12


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a small disk is mounted")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def many(seconds: int) -> Batch:
    """A batch of 24 KB; its values have nothing that could be compressed."""
    values = {("noise", str(number), "gauge"): hash((number, seconds)) / 7 for number in range(2_000)}
    return Batch([scrape(seconds, values)])


def fill(store: Store, first: int) -> int:
    """Write until nothing can be written; gives the number of the first batch that was refused."""
    for number in count(first):
        try:
            store.write(many(number))
        except StoreFullError:
            return number
    raise AssertionError("never full")


def counted(store: Store) -> list[tuple[int, ...]]:
    return store.reader().sql("SELECT count(*), count(DISTINCT ts) FROM samples").rows


@pytest.mark.parametrize("moves", [False, True], ids=["in the journal", "while chunks are moved"])
def test_writing_stops_and_resumes_by_itself_while_reading_goes_on(disk: Path, moves: bool) -> None:
    file, ballast = disk / "history.duckdb", disk / "ballast"
    with Store.open(file) as store:
        written = 0
        for _ in range(5):
            store.write(many(written))
            written += 1
        if moves:
            store.flush()
        ballast.write_bytes(bytes(5 << 20))
        written = fill(store, written)

        assert (store.state.writing, store.state.reason) == (False, "the disk is full")
        assert counted(store) == [(2_000 * written, written)]
        with pytest.raises(StoreFullError):
            store.write(many(written))
        if moves:
            with pytest.raises(StoreFullError):
                store.flush()
        assert counted(store) == [(2_000 * written, written)]

        ballast.unlink()
        wait_for("the store writes again", lambda: store.state.writing)
        store.write(many(written))
        written += 1
        assert counted(store) == [(2_000 * written, written)]

    with Store.open(file) as store:
        assert counted(store) == [(2_000 * written, written)]


def test_what_finds_no_room_says_so_and_can_be_done_again(disk: Path, tmp_path: Path) -> None:
    backup, ballast = tmp_path / "backup", disk / "ballast"
    with Store.open(tmp_path / "history.duckdb") as store:
        for number in range(40):
            store.write(many(number))
        store.export(backup)
        ballast.write_bytes(bytes((MEGABYTES << 20) - 600_000))
        with pytest.raises(ProblemsError) as raised:
            store.export(disk / "backup")
        assert "the disk is full" in raised.value.problems[0].summary

    with pytest.raises(StoreFullError):
        Store.restore(disk / "history.duckdb", backup)
    with pytest.raises(StoreFullError):
        Store.open(disk / "another.duckdb")

    ballast.unlink()
    assert Store.restore(disk / "history.duckdb", backup)["samples"] == 80_000
    Store.open(disk / "another.duckdb").close()


def test_a_store_is_opened_and_read_on_a_disk_that_is_full(disk: Path) -> None:
    file, ballast = disk / "history.duckdb", disk / "ballast"
    with Store.open(file) as store:
        store.write(many(0))
    with ballast.open("wb", buffering=0) as filling, suppress(OSError):
        while True:
            filling.write(bytes(4096))
    with Store.open(file) as store:
        assert counted(store) == [(2_000, 1)]
        with pytest.raises(StoreFullError):
            store.write(many(1))
        ballast.unlink()
        wait_for("the store writes again", lambda: store.state.writing)
        store.write(many(1))

    with Store.open(file) as store:
        assert counted(store) == [(4_000, 2)]
