"""Two histories scrape on their own; one that was killed takes from the other what it missed, and both say the same."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.historian import Historian
from support.history_api import ask
from support.servers import free_port
from support.simulated import NOWHERE, Sample
from support.waiting import wait_for

AWAY = 8.0
"""Seconds that a history is away; twice what counts as a gap when it scrapes each second."""

KEY = "a key for both of the two histories"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Historian, Historian]]:
    """Two histories of one sample platform, each with the other as its peer."""
    with ExitStack() as stack:
        sample = Sample(tmp_path_factory.mktemp("platform"))
        stack.enter_context(sample.server(f"--push-url={NOWHERE}").start())
        ports, made = [free_port(), free_port()], []
        for number, port in enumerate(ports):
            folder = tmp_path_factory.mktemp(f"history-{'ab'[number]}")
            (folder / "catalogue.yaml").write_text((sample.folder / "catalogue.yaml").read_text(encoding="utf-8"))
            (folder / "key").write_text(KEY)
            (folder / "key").chmod(0o600)
            options = (
                "--env", f"--peer=http://127.0.0.1:{ports[1 - number]}", f"--api-key-file={folder / 'key'}",
            )  # fmt: skip
            made.append(Historian(folder, *options, environment=sample.environ, port=port))
        for each in made:
            stack.callback(each.stop)
            each.start()
        for each in made:
            wait_for("it is ready", lambda each=each: _ready(each), 60, each.log)  # type: ignore[misc]
        yield made[0], made[1]


def asked(history: Historian, method: str, path: str, body: Any = None) -> Any:
    reply = history.ask(method, path, body, {"Authorization": f"Bearer {KEY}"})
    assert reply.status == 200, reply.body
    return reply.json


def _ready(history: Historian) -> bool:
    return history.ask("GET", "/health/ready").status == 200


def event(number: int) -> dict[str, Any]:
    return {
        "id": f"order-{number}",
        "event_type": "TRADE_FILLED",
        "timestamp": datetime.now(UTC).isoformat(),
        "severity": "info",
        "source": "execution-engine",
        "data": {
            "trade_id": f"t{number}",
            "symbol": "BTC-USD",
            "side": "buy",
            "quantity": 1.0,
            "price": 100.0 + number,
        },
    }


def everything(history: Historian, start: datetime, end: datetime) -> dict[str, Any]:
    """All that a history answers of a time, page by page: samples by series, scrapes, rows; and events."""
    series: dict[str, dict[int, float]] = {}
    scrapes: set[tuple[int, str, str, str]] = set()
    rows: dict[str, list[str]] = {}
    at = start
    while at < end:
        path = f"/api/backfill?start={_text(at)}&end={_text(end)}"
        found = asked(history, "GET", path)
        for ms, service, target, _, error, numbers, values in found["scrapes"]:
            scrapes.add((ms, service, target, error))
            for number, value in zip(numbers, values, strict=True):
                name, labels, _kind = found["series"][str(number)]
                series.setdefault(json.dumps([name, labels, service, target]), {})[ms] = value
        for table, some in found["rows"].items():
            rows.setdefault(table, []).extend(map(json.dumps, some["rows"]))
        at = datetime.fromisoformat(found["until"])
    events = asked(history, "GET", f"/api/events?start={_text(start)}&end={_text(end)}&limit=1000")["events"]
    return {
        "series": series,
        "scrapes": scrapes,
        "rows": {table: sorted(some) for table, some in rows.items()},
        "events": sorted(json.dumps(each, sort_keys=True) for each in events),
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def test_one_that_was_killed_takes_from_the_other_what_it_missed(pair: tuple[Historian, Historian]) -> None:
    first, second = pair
    asked(first, "POST", "/api/events", {"events": [event(0)]})
    first.stop(signal.SIGKILL)
    start = datetime.now(UTC)
    for number in (1, 2, 3):
        asked(second, "POST", "/api/events", {"events": [event(number)]})
    until = time.monotonic() + AWAY
    wait_for("it has missed some seconds", lambda: time.monotonic() > until, AWAY + 1)
    end = datetime.now(UTC)
    first.start()
    wait_for("it is ready", lambda: _ready(first), 60, first.log)

    ours, theirs = everything(first, start, end), everything(second, start, end)
    assert len(theirs["series"]) > 400
    assert len(theirs["scrapes"]) >= 7 * (AWAY - 1)
    assert len(theirs["events"]) == 3
    assert ours == theirs
    assert len(ours["rows"]["market_data"]) >= AWAY - 1
    trades = "SELECT trade_id, price FROM trades ORDER BY trade_id"
    assert [each["trade_id"] for each in _sql(first, trades)] == ["t0", "t1", "t2", "t3"]


def test_asking_again_stores_nothing_twice(pair: tuple[Historian, Historian]) -> None:
    first, _ = pair
    keys = {"samples": "series, ts", "scrapes": "timestamp, service, target", "events": "id"}
    twice = " UNION ALL ".join(
        f"SELECT count(*) AS n FROM (SELECT {key} FROM {name} GROUP BY ALL HAVING count(*) > 1)"
        for name, key in keys.items()
    )
    assert [each["n"] for each in _sql(first, twice)] == [0, 0, 0]

    first.stop(signal.SIGKILL)
    first.start()
    wait_for("it is ready", lambda: _ready(first), 60, first.log)

    assert [each["n"] for each in _sql(first, twice)] == [0, 0, 0]


def _sql(history: Historian, question: str) -> list[dict[str, Any]]:
    from tapewatch.history.store import connect, socket_of

    reader = connect(socket_of(history.database))
    try:
        return reader.sql(question).dicts()
    finally:
        reader.close()


def test_a_dead_peer_is_no_obstacle(pair: tuple[Historian, Historian]) -> None:
    first, second = pair
    second.stop(signal.SIGKILL)
    first.stop(signal.SIGKILL)

    first.start()
    wait_for("it is ready alone", lambda: _ready(first), 30, first.log)
    wait_for("it says so", lambda: "cannot be asked for what was missed" in first.log(), 10, first.log)

    second.start()
    wait_for("the other one is ready too", lambda: _ready(second), 60, second.log)


def test_one_whose_disk_was_lost_has_everything_again(pair: tuple[Historian, Historian]) -> None:
    first, second = pair
    end = datetime.now(UTC)
    first.stop(signal.SIGKILL)
    for each in first.database.parent.glob(f"{first.database.name}*"):
        each.unlink()

    first.start()
    wait_for("it is ready", lambda: _ready(first), 60, first.log)

    start = datetime.fromtimestamp(end.timestamp() - 3600, UTC)
    ours, theirs = everything(first, start, end), everything(second, start, end)
    assert ours["series"] == theirs["series"]
    assert set(theirs["events"]) <= set(ours["events"])


def test_a_peer_that_talks_nonsense_is_left_alone(tmp_path: Path) -> None:
    class Nonsense(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"until": "2020-01-01T00:00:00Z", "events": 7}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Nonsense)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Historian(tmp_path, f"--peer=http://127.0.0.1:{server.server_address[1]}") as alone:
            wait_for("it is ready all the same", lambda: _ready(alone), 30, alone.log)
            wait_for("it says so", lambda: "cannot be asked for what was missed" in alone.log(), 10, alone.log)
            assert ask(alone.url + "/health/live").status == 200
    finally:
        server.shutdown()
        server.server_close()
