"""What a spool keeps on disk: whole lines in their order, whatever happens to the process or to the end of a file."""

from __future__ import annotations

import json
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

from sdk.events.script import run
from tapewatch_sdk.events._lane import Lane, SpoolFullError, content

LIMIT = 1 << 20


def lines(first: int, count: int, size: int = 0) -> list[bytes]:
    return [json.dumps({"n": n, "x": "x" * size}).encode() for n in range(first, first + count)]


def taken(lane: Lane, most: int = 100) -> list[int]:
    """The numbers of the lines that are read next, which are acknowledged."""
    piece = lane.read(most)
    if piece.lines:
        lane.acknowledge(piece)
    return [json.loads(text)["n"] for line in piece.lines if (text := content(line)) is not None]


def everything(lane: Lane) -> list[int]:
    found: list[int] = []
    while more := taken(lane, 7):
        found += more
    return found


def fill(lane: Lane) -> int:
    """Appends until nothing more is taken; how many lines were."""
    kept = 0
    with suppress(SpoolFullError):
        while True:
            lane.append(lines(kept, 10, size=100))
            kept += 10
    return kept


def segments(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jsonl"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lane"


def test_lines_come_back_in_their_order(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    lane.append(lines(0, 10))
    lane.append(lines(10, 5))

    assert lane.pending == 15
    assert everything(lane) == list(range(15))
    assert lane.pending == 0


def test_what_is_read_comes_again_until_it_is_acknowledged(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    lane.append(lines(0, 10))

    assert lane.read(3) == lane.read(3)
    assert taken(lane, 3) == [0, 1, 2]
    assert taken(lane, 100) == list(range(3, 10))


def test_a_lane_that_is_opened_again_goes_on_where_it_was(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    lane.append(lines(0, 10))
    assert taken(lane, 4) == [0, 1, 2, 3]
    lane.release()

    lane = Lane(folder, LIMIT)
    lane.append(lines(10, 2))

    assert lane.pending == 8
    assert everything(lane) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_without_its_position_a_lane_gives_again_what_it_still_has(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    lane.append(lines(0, 5))
    taken(lane, 2)
    lane.release()
    (folder / "position").write_bytes(b"garbage")

    assert everything(Lane(folder, LIMIT)) == [0, 1, 2, 3, 4]


def test_numbers_are_never_used_again_so_that_an_old_position_hides_nothing(folder: Path) -> None:
    for start in range(0, 50, 5):
        lane = Lane(folder, LIMIT)
        lane.append(lines(start, 5))
        assert everything(lane) == list(range(start, start + 5))
        lane.release()

    assert segments(folder) == ["00000010.jsonl"]


def test_one_process_at_a_time_holds_a_lane(folder: Path) -> None:
    lane = Lane(folder, LIMIT)

    with pytest.raises(BlockingIOError):
        Lane(folder, LIMIT)
    lane.release()
    Lane(folder, LIMIT).release()


def test_files_are_for_this_user_alone(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    lane.append(lines(0, 1))

    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}


def test_many_segments_are_read_in_their_order_and_removed(folder: Path) -> None:
    lane = Lane(folder, 40_000)
    for start in range(0, 300, 10):
        lane.append(lines(start, 10, size=100))

    assert len(segments(folder)) > 3
    found = taken(lane, 100)
    while len(found) < 300:
        found += taken(lane, 100)
        assert len(segments(folder)) <= 2 + (300 - len(found)) // 50
    assert found == list(range(300))
    assert lane.size < 12_000


def test_a_full_lane_takes_nothing_more_until_something_is_acknowledged(folder: Path) -> None:
    lane = Lane(folder, 20_000)
    kept = fill(lane)
    assert 15_000 < lane.size <= 20_000

    assert taken(lane, 100) == list(range(100))
    lane.append(lines(kept, 10, size=100))

    assert everything(lane) == list(range(100, kept + 10))


def test_a_batch_is_kept_as_a_whole_or_not_at_all(folder: Path) -> None:
    lane = Lane(folder, 20_000)
    lane.append(lines(0, 100, size=100))

    with pytest.raises(SpoolFullError):
        lane.append(lines(100, 100, size=100))

    assert everything(lane) == list(range(100))


def test_whatever_the_end_of_the_file_was_cut_to_the_whole_lines_before_it_are_there(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    lane.append(lines(0, 4))
    lane.release()
    file = folder / segments(folder)[0]
    whole = file.read_bytes()

    for cut in range(len(whole) + 1):
        file.write_bytes(whole[:cut])
        again = Lane(folder, LIMIT)
        again.append(lines(100, 1))
        kept = whole[:cut].count(b"\n")
        assert [json.loads(text)["n"] for line in again.read(100).lines if (text := content(line))] == [
            *range(kept),
            100,
        ], f"cut at {cut}"
        again.release()
        for path in folder.glob("*.jsonl"):
            path.unlink()


def test_what_a_power_cut_leaves_behind_the_last_line_is_cut_off(folder: Path) -> None:
    chance = random.Random(11)
    for junk in (b"\0" * 5000, b"\n\n\n", b"{}\n", chance.randbytes(300), b"0000000g {}\n", b'deadbeef {"n": 5}\n'):
        lane = Lane(folder, LIMIT)
        lane.append(lines(0, 3))
        lane.release()
        with (folder / segments(folder)[-1]).open("ab") as file:
            file.write(junk)

        lane = Lane(folder, LIMIT)
        lane.append(lines(3, 2))

        assert lane.pending == 5
        assert everything(lane) == [0, 1, 2, 3, 4]
        lane.release()


def test_a_line_that_the_disk_has_spoilt_costs_that_line_alone(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    lane.append(lines(0, 5))
    lane.release()
    file = folder / segments(folder)[0]
    file.write_bytes(file.read_bytes().replace(b'"n": 2', b'"n": 7'))

    lane = Lane(folder, LIMIT)

    assert lane.pending == 5
    assert everything(lane) == [0, 1, 3, 4]


def test_files_that_somebody_removes_meanwhile_are_missed_and_no_more(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    lane.append(lines(0, 5))
    for path in folder.glob("*.jsonl"):
        path.unlink()

    assert lane.read(100).lines == ()
    assert lane.pending == 0
    lane.append(lines(5, 3))
    assert everything(lane) == [5, 6, 7]


def test_a_disk_that_refuses_in_the_middle_of_a_batch_keeps_none_of_it_and_takes_it_later(folder: Path) -> None:
    printed = run(
        """
        import resource
        from pathlib import Path
        from tapewatch_sdk.events._lane import Lane

        lane = Lane(Path(sys.argv[1]), 1 << 20)
        lane.append([b"1" * 1000, b"2" * 1000])
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
        for _ in range(3):
            try:
                lane.append([b"3" * 700, b"4" * 700])
            except OSError as error:
                print(error.errno, lane.pending, sum(path.stat().st_size for path in Path(sys.argv[1]).glob("*.jsonl")))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        lane.append([b"5" * 700, b"6" * 700])
        print(*(line[9:10].decode() for line in lane.read(100).lines))
        """,
        folder,
    )

    assert printed == "27 2 2020\n" * 3 + "1 2 5 6\n"


def test_a_forked_child_leaves_the_lane_to_its_parent(folder: Path) -> None:
    lane = Lane(folder, LIMIT)
    if not (child := os.fork()):
        lane.drop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

    with pytest.raises(BlockingIOError):
        Lane(folder, LIMIT)
    lane.append(lines(0, 1))
    assert everything(lane) == [0]


def test_random_work_gives_every_line_once_and_in_order(folder: Path) -> None:
    for seed in range(20):
        chance = random.Random(seed)
        lane, written, read = Lane(folder / str(seed), 30_000), 0, 0
        for _ in range(300):
            step = chance.random()
            if step < 0.45:
                count = chance.randrange(1, 20)
                try:
                    lane.append(lines(written, count, size=chance.randrange(100)))
                    written += count
                except SpoolFullError:
                    assert lane.size > 20_000
            elif step < 0.95:
                found = taken(lane, chance.randrange(1, 40))
                assert found == list(range(read, read + len(found)))
                read += len(found)
            else:
                lane.release()
                lane = Lane(folder / str(seed), 30_000)
            assert lane.pending == written - read, f"seed {seed}"
        assert everything(lane) == list(range(read, written)), f"seed {seed}"
        lane.release()
