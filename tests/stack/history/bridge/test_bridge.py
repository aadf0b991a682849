"""The bridge asks real servers, well ones and bad ones: no bad one costs another a sample, or is itself made up."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import selectors
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from stack.verifying.exposing import Exposing
from support import targets
from support.servers import free_port
from support.targets import Behaviour
from tapewatch.catalogue.model import Credentials
from tapewatch.catalogue.model import Scrape as Settings
from tapewatch.history.bridge import Bridge, Round, Target, asking, fetching
from tapewatch.history.bridge.fetching import UnansweredError
from tapewatch.history.bridge.meters import Meters
from tapewatch.history.samples import Scrape
from tapewatch_sdk.instruments import MetricsRegistry, generate_text

FAST = 0.05
"""Seconds from beat to beat where a test waits for several."""


@pytest.fixture
def bad() -> Iterator[targets.Target]:
    """A target that is told how to misbehave."""
    with targets.Target() as target:
        target.set("left", 1)
        yield target


@pytest.fixture
def good() -> Iterator[targets.Target]:
    with targets.Target() as target:
        target.set('price{symbol="BTC"}', 5)
        yield target


def of(target: targets.Target, service: str = "good", timeout: float = 10.0) -> Target:
    return Target(service, f"http://{target.address}/metrics", timeout)


def scraped(*asked: Target, largest: int = 10 * 1024 * 1024) -> Mapping[str, list[Scrape]]:
    """One cycle."""

    async def once() -> Mapping[str, list[Scrape]]:
        async with Bridge(asked, largest=largest) as bridge:
            return await bridge.scrape_all()

    return asyncio.run(once())


def only(found: Mapping[str, Sequence[Scrape]], service: str) -> Scrape:
    (scrape,) = found[service]
    return scrape


def values(scrape: Scrape) -> dict[str, float]:
    return {series.name: float(value) for series, value in zip(scrape.layout.series, scrape.values, strict=True)}


def outcomes(bridge: Bridge, *wanted: str) -> float:
    """How many scrapes ended so; without any, how many failed in whatever way."""
    found = re.findall(r'scrapes_total\{outcome="(\w+)"\} (\d+)', generate_text(bridge.registry).decode())
    return sum(float(count) for outcome, count in found if outcome in (wanted or ("failed", "garbage")))


async def rounds_until(bridge: Bridge, enough: Callable[[list[Round]], object], timeout: float = 30.0) -> list[Round]:
    """The rounds of a bridge that runs, up to the one that is enough."""
    seen: list[Round] = []
    done = asyncio.Event()

    def take(found: Round) -> None:
        seen.append(found)
        if enough(seen):
            done.set()

    running = asyncio.create_task(bridge.run(take))
    try:
        async with asyncio.timeout(timeout):
            await done.wait()
    finally:
        running.cancel()
    return seen


def run(main: Awaitable[None]) -> None:
    async def whole() -> None:
        await main

    asyncio.run(whole())


# --- one cycle


def test_every_service_is_there_with_what_it_exposes(good: targets.Target) -> None:
    labels = (("environment", "test"), ("service", "good"))
    before = time.time()
    found = scraped(Target("good", f"http://{good.address}/metrics", labels=labels), Target("pushes", ""))

    scrape = only(found, "good")
    assert scrape.up
    assert values(scrape) == {"price": 5.0}
    assert scrape.layout.series[0].labels == (("symbol", "BTC"),)
    assert (scrape.target, scrape.labels) == (good.address, labels)
    assert before - 0.001 <= scrape.at <= time.time()
    assert found["pushes"] == []


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (targets.hang, "has not answered in full within 1 s"),
        (targets.stall, "has not answered in full within 1 s"),
        (targets.close, "breaks off its answer"),
        (targets.answer_half, "breaks off its answer"),
        (targets.answer_garbage, "no UTF-8"),
        (targets.answer_too_much, "answers with more than 10 MB"),
        (targets.answer_too_much_compressed, "answers with more than 10 MB"),
    ],
)
def test_a_bad_target_is_down_with_its_reason_and_gives_no_sample(
    bad: targets.Target, good: targets.Target, behaviour: Behaviour, reason: str
) -> None:
    # Only what never ends has to run into the timeout.
    timeout = 1.0 if behaviour in (targets.hang, targets.stall) else 30.0
    with bad.behaving(behaviour):
        found = scraped(of(bad, "bad", timeout), of(good, timeout=30))

    scrape = only(found, "bad")
    assert not scrape.up
    assert reason in scrape.error
    assert len(scrape.layout.series) == len(scrape.values) == 0
    assert values(only(found, "good")) == {"price": 5.0}


def test_a_target_that_nobody_serves_is_down(good: targets.Target) -> None:
    found = scraped(Target("none", f"http://127.0.0.1:{free_port()}/metrics"), of(good))

    assert only(found, "none").error == "cannot be reached: Connection refused"
    assert only(found, "good").up


def test_a_target_that_does_not_speak_tls_says_so() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with Bridge([Target("plain", f"https://{address}/metrics", 30)]) as bridge:
                scrape = only(await bridge.scrape_all(), "plain")
        assert "cannot be reached" in scrape.error
        assert "WRONG_VERSION_NUMBER" in scrape.error

    run(main())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionResetError(), "ConnectionResetError"),
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), "no such name"),
    ],
)
def test_no_reason_is_empty_or_anothers(error: OSError, words: str) -> None:
    assert fetching._words(error) == words


def test_a_service_that_cannot_be_asked_says_why() -> None:
    found = scraped(Target("found", "", reason="its addresses are found by discovery"))

    assert only(found, "found").error == "its addresses are found by discovery"


Answer = tuple[int, Mapping[str, str], bytes]


def answering(answer: Answer, settings: Settings | None = None) -> tuple[Scrape, list[Mapping[str, str]]]:
    """The scrape of a server that answers so, and the headers of what it was asked."""
    asked: list[Mapping[str, str]] = []

    def respond(handler: BaseHTTPRequestHandler) -> Answer:
        asked.append(dict(handler.headers))
        return answer

    with Exposing(respond=respond) as server:
        found = scraped(Target("one", f"http://{server.address}/metrics", 10, scrape=settings))
    return only(found, "one"), asked


TEXT = {"Content-Type": "text/plain; version=0.0.4"}


def test_another_status_is_no_answer() -> None:
    scrape, _ = answering((503, TEXT, b"down for\n maintenance"))

    assert scrape.error == "answers 503 Service Unavailable: down for maintenance"


def test_bytes_of_a_header_that_are_no_text_leave_a_reason_that_is_one() -> None:
    error = answering((200, {"Content-Type": "text/\xff"}, b"a 1\n"))[0].error

    assert "the Content-Type `text/?`" in error.encode().decode()


def test_a_web_page_is_garbage_unless_the_catalogue_agreed_on_a_format_and_then_it_is_too() -> None:
    page = (200, {"Content-Type": "text/html"}, b"<html>\n")

    assert "the Content-Type `text/html`" in answering(page)[0].error
    assert "`<html>`" in answering(page, Settings())[0].error
    assert answering((200, {"Content-Type": "text/html"}, b"a 1\n"), Settings())[0].up


def test_a_packed_answer_that_nobody_asked_for_is_refused_or_unpacked_whole() -> None:
    packed = gzip.compress(b"a 1\nb 2\n")

    assert values(answering((200, {**TEXT, "Content-Encoding": "gzip"}, packed))[0]) == {"a": 1.0, "b": 2.0}
    assert "no end" in answering((200, {**TEXT, "Content-Encoding": "gzip"}, packed[:-9]))[0].error
    assert "`br`" in answering((200, {**TEXT, "Content-Encoding": "br"}, packed))[0].error
    assert "breaks off" in answering((200, {**TEXT, "Content-Encoding": "gzip"}, b"a 1\n"))[0].error


def test_what_follows_a_packed_answer_is_neither_kept_nor_waited_for() -> None:
    headers = {**TEXT, "Content-Encoding": "gzip"}
    packed = gzip.compress(b"a 1\n")

    assert "more than one packed answer" in answering((200, headers, packed + gzip.compress(b"b 2\n")))[0].error
    # The sender goes on as long as anybody listens; what it sends unpacks to nothing.
    assert "more than 10 MB" in answering((200, headers, targets.nothing_packed(10 * 1024 * 1024)))[0].error


def test_it_asks_as_prometheus_does_and_signs_in(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    settings = Settings(credentials=Credentials(credentials_file=str(tmp_path / "token")))

    scrape, asked = answering((200, TEXT, b"a 1\n"), settings)

    assert scrape.up
    assert asked[0]["Accept"].startswith("application/openmetrics-text;version=1.0.0")
    assert asked[0]["Authorization"] == "Bearer secret"
    assert asked[0]["X-Prometheus-Scrape-Timeout-Seconds"] == "10"


def test_a_token_that_is_not_there_is_said_and_looked_for_again(tmp_path: Path) -> None:
    settings = Settings(credentials=Credentials(credentials_file=str(tmp_path / "token")))

    async def main() -> None:
        with Exposing(respond=lambda _: (200, TEXT, b"a 1\n")) as server:
            target = Target("one", f"http://{server.address}/metrics", 10, scrape=settings)
            async with Bridge([target], FAST) as bridge:
                assert "token" in only(await bridge.scrape_all(), "one").error
                (tmp_path / "token").write_text("secret", encoding="utf-8")
                await rounds_until(bridge, lambda seen: seen[-1].scrapes["one"][0].up)

    run(main())


def test_a_token_that_no_header_may_hold_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\nsecond", encoding="utf-8")
    settings = Settings(credentials=Credentials(credentials_file=str(tmp_path / "token")))

    scrape, asked = answering((200, TEXT, b"a 1\n"), settings)

    assert scrape.error == f"cannot be asked: {tmp_path / 'token'}: a token is one line of ASCII"
    assert asked == []


# --- round after round


def test_connections_are_kept_and_the_layout_stays_the_same(good: targets.Target) -> None:
    async def main() -> None:
        async with Bridge([of(good)]) as bridge:
            first = only(await bridge.scrape_all(), "good")
            good.set('price{symbol="BTC"}', 6)
            second = only(await bridge.scrape_all(), "good")
            assert len(good._open) == 1
        assert second.layout is first.layout
        assert (values(first), values(second)) == ({"price": 5.0}, {"price": 6.0})

    run(main())


def test_a_target_that_hangs_does_not_hold_up_the_others_and_is_not_asked_twice(
    bad: targets.Target, good: targets.Target
) -> None:
    async def main() -> None:
        async with Bridge([of(bad, "bad", 60), of(good)], FAST) as bridge:
            with bad.behaving(targets.hang):
                seen = await rounds_until(
                    bridge, lambda seen: sum(len(each.scrapes["good"]) for each in seen) >= 5 and len(seen) >= 5
                )
                assert bad.scrapes == 1
            assert all("bad" in each.waiting and not each.scrapes["bad"] for each in seen)
            assert all(scrape.up for each in seen for scrape in each.scrapes["good"])

    run(main())


def test_names_that_nobody_answers_for_hold_up_no_other_target(
    good: targets.Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large answer is read in a thread; lookups, which cannot be given up, must not have taken them all."""
    over = threading.Event()
    look_up = socket.getaddrinfo

    def hanging(host: str, *rest: Any, **options: Any) -> Any:
        if host.startswith("gone"):
            over.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return look_up("127.0.0.1" if host == "named" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    monkeypatch.setattr(asking, "_LONG", 0)
    gone = [Target(f"gone{number}", f"http://gone{number}:1/metrics", 60) for number in range(40)]

    async def main() -> None:
        async with Bridge([*gone, of(good), Target("named", f"http://named:{good.port}/metrics")], FAST) as bridge:
            seen = await rounds_until(
                bridge, lambda seen: all(seen[-1].scrapes[each] for each in ("good", "named")), timeout=30
            )
        assert all(scrape.up for name in ("good", "named") for each in seen for scrape in each.scrapes[name])

    try:
        begun = time.monotonic()
        run(main())
        assert time.monotonic() - begun < 40, "the end does not wait for the lookups"
    finally:
        over.set()


def test_an_answer_that_comes_late_comes_with_a_later_round(bad: targets.Target, good: targets.Target) -> None:
    async def main() -> None:
        async with Bridge([of(bad, "late", 60), of(good)], FAST) as bridge:

            def late_answer(exchange: targets.Exchange) -> None:
                time.sleep(4 * FAST)  # longer than a round waits, and than the beats until the next one
                targets.answer(exchange)

            with bad.behaving(late_answer):
                seen = await rounds_until(bridge, lambda seen: seen[-1].scrapes["late"])
            assert seen[0].waiting == {"late"}
            assert seen[-1].scrapes["late"][0].at == seen[0].at
            assert values(seen[-1].scrapes["late"][0]) == {"left": 1.0}

    run(main())


@pytest.mark.parametrize("behaviour", [targets.close, targets.answer_garbage])
def test_a_target_that_fails_is_asked_less_often_stays_down_and_comes_back_by_itself(
    bad: targets.Target, behaviour: Behaviour
) -> None:
    async def main() -> None:
        async with Bridge([of(bad, "bad")], FAST) as bridge:
            with bad.behaving(behaviour):
                down = await rounds_until(bridge, lambda seen: len(seen) >= 20)
                assert outcomes(bridge) < 15
            assert all(not only(each.scrapes, "bad").up for each in down)
            assert all(only(each.scrapes, "bad").error for each in down)
            up = await rounds_until(bridge, lambda seen: seen[-1].scrapes["bad"][0].up)
            assert values(up[-1].scrapes["bad"][0]) == {"left": 1.0}

    run(main())


def test_no_pause_is_longer_than_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        now = [0.0]
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
        asker = asking.Asker(Target("one", "http://x/"), 1.0, 1, None, Meters(MetricsRegistry()))
        pauses = []
        for _ in range(50):
            asker._failed(UnansweredError("gone"))
            pauses.append(asker._again - now[0])
            now[0] += 100
        assert pauses[0] <= 1.0
        assert 5.0 <= pauses[10] <= 10.0
        assert max(pauses) <= asking.LONGEST_PAUSE
        assert len(set(pauses[10:])) > 30, "every pause is a little different"

    run(main())


def test_garbage_is_logged_once_and_counted_each_time(bad: targets.Target, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Bridge([of(bad, "bad")], FAST) as bridge:
            with bad.behaving(targets.answer_garbage):
                await rounds_until(bridge, lambda _: bad.scrapes >= 4)
            assert outcomes(bridge, "garbage") >= 3
            assert 'tapewatch_bridge_targets{state="down"} 1' in generate_text(bridge.registry).decode()

    with caplog.at_level(logging.INFO, "tapewatch.history.bridge"):
        run(main())
    (record,) = caplog.records
    assert record.message.startswith(f"bad at {bad.address}: its answer breaks the text format")


# --- the beat


class Jumping(selectors.SelectSelector):
    """Lets a loop's time jump to whatever comes next, so that what is awaited for seconds is there at once."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


def beats(lengths: Sequence[float], interval: float = 1.0) -> tuple[list[float], str]:
    """When the rounds came, of which each was handed on for so many seconds; and the bridge's own metrics."""
    selector, begun = Jumping(), []
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    done = asyncio.Event()

    async def take(found: Round) -> None:
        begun.append(round(selector.now - 1000.0, 6))
        await asyncio.sleep(lengths[len(begun) - 1])
        if len(begun) == len(lengths):
            done.set()
            await asyncio.sleep(1000)

    async def main() -> str:
        async with Bridge([Target("pushes", "")], interval) as bridge:
            running = asyncio.create_task(bridge.run(take))
            await done.wait()
            running.cancel()
            return generate_text(bridge.registry).decode()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return begun, runner.run(main())


def test_the_beat_does_not_drift() -> None:
    begun, _ = beats([0.3, 0.99, 0.0, 0.5, 0.1], 1.0)

    assert begun == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_slow_round_costs_beats_and_pushes_none_back() -> None:
    begun, metrics = beats([0.0, 2.7, 1.2, 0.0, 0.0])

    assert begun == [0.0, 1.0, 4.0, 6.0, 7.0]
    assert "tapewatch_bridge_missed_beats_total 3" in metrics


def test_a_callback_that_raises_is_logged_and_the_next_round_comes(
    good: targets.Target, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        count, done = [0], asyncio.Event()

        async def take(found: Round) -> None:
            count[0] += 1
            if count[0] == 1:
                raise ValueError("the disk is full")
            done.set()

        async with Bridge([of(good)], FAST) as bridge:
            running = asyncio.create_task(bridge.run(take))
            async with asyncio.timeout(30):
                await done.wait()
            running.cancel()
            assert "tapewatch_bridge_callback_errors_total 1" in generate_text(bridge.registry).decode()

    run(main())
    assert "the disk is full" in caplog.text
