"""What the bridge takes to read answers and to scrape many targets, against aiohttp with prometheus-client's parser.

Every value changes at every scrape, so that no memory of whole answers can help.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from socket import create_connection
from statistics import median

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from _measure import ROOT, Figure
from tapewatch.history.bridge import Bridge, Parser, Target
from tapewatch.history.samples import Scrape

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SERIES, TARGETS, SERVICES = 1_000, 100, (100, 500, 1_000)
ANSWERS = 7
"""Different answers of one target; a prime, so that no target sees the same one at every other scrape."""

REPEATED_LIMIT, FIRST_LIMIT, CYCLE_LIMIT = 1 / 20, 1 / 5, 0.1
"""Of what prometheus-client's parser, or aiohttp with it, takes."""

SMALL_LIMIT = 20.0
"""Milliseconds for a cycle of three services; see the specification of the history."""

ROUNDS = 9


def run() -> list[Figure]:
    """Microseconds a sample, the best of several rounds; milliseconds a cycle, the median; ratios within this run."""
    answers = _answers(SERIES)
    parser = Parser()
    parser.parse(answers[0], CONTENT_TYPE)
    theirs = _microseconds(answers, _by_prometheus_client, 3)
    repeated = _microseconds(answers, lambda body: parser.parse(body, CONTENT_TYPE), 50)
    first = _microseconds(answers, lambda body: Parser().parse(body, CONTENT_TYPE), 10)
    with _server() as address:
        ours, peers, small = asyncio.run(_cycles(address))
    return [
        Figure("prometheus-client's parser, a sample", theirs, "us"),
        Figure("a sample of a target that was read before", repeated, "us"),
        Figure("  against prometheus-client's parser", repeated / theirs, "", REPEATED_LIMIT),
        Figure("a sample of an answer that is new", first, "us"),
        Figure("  against prometheus-client's parser", first / theirs, "", FIRST_LIMIT),
        Figure(f"a cycle of {TARGETS} targets with {SERIES} series each", ours, "ms"),
        Figure("  against aiohttp and prometheus-client", ours / peers, "", CYCLE_LIMIT),
        Figure("a cycle of 3 services with 100 to 1,000 series", small, "ms", SMALL_LIMIT),
    ]


def _answers(series: int) -> list[bytes]:
    """Answers of one target whose every value differs."""
    chance = random.Random(series)
    return [_answer(series, chance) for _ in range(ANSWERS)]


def _answer(series: int, chance: random.Random) -> bytes:
    lines = []
    for family in range(series // 50):
        name = f"orders_{family}_total"
        lines += [f"# HELP {name} Orders that were sent to the exchange", f"# TYPE {name} counter"]
        lines += [f'{name}{{symbol="S{n}-USD",venue="kraken",side="buy"}} {chance.uniform(0, 1e6)}' for n in range(50)]
    return "".join(f"{line}\n" for line in lines).encode()


def _by_prometheus_client(body: bytes) -> object:
    return [sample for family in text_string_to_metric_families(body.decode()) for sample in family.samples]


def _microseconds(answers: Sequence[bytes], read: Callable[[bytes], object], times: int) -> float:
    """Processor time a sample: whatever else the machine does counts less."""
    turn = cycle(answers)
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            read(next(turn))
        best = min(best, time.process_time() - begun)
    return best / times / SERIES * 1e6


async def _cycles(address: str) -> tuple[float, float, float]:
    """Milliseconds of a cycle: ours, the peer's, and ours of three services."""
    urls = [f"http://{address}/{SERIES}/{number}" for number in range(TARGETS)]
    small = [f"http://{address}/{series}/small" for series in SERVICES]

    async def by_bridge(urls: Sequence[str]) -> float:
        async with Bridge([Target(f"service-{n}", url, 60.0) for n, url in enumerate(urls)]) as bridge:
            return await _milliseconds(lambda: _checked(bridge.scrape_all()))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def one(url: str) -> object:
            async with client.get(url) as response:
                return _by_prometheus_client(await response.read())

        async def all_targets() -> None:
            await asyncio.gather(*map(one, urls))

        peers = await _milliseconds(all_targets, 3)
    return await by_bridge(urls), peers, await by_bridge(small)


async def _checked(cycle: Awaitable[dict[str, list[Scrape]]]) -> None:
    for scrapes in (await cycle).values():
        assert scrapes[0].up, scrapes[0].error


async def _milliseconds(call: Callable[[], Awaitable[None]], times: int = ROUNDS) -> float:
    await call()
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        await call()
        took.append(time.perf_counter() - begun)
    return 1000 * median(took)


@contextmanager
def _server() -> Iterator[str]:
    """A process of its own that answers `/SERIES/ANYTHING`, each time with other values."""
    process = subprocess.Popen(
        [sys.executable, __file__], cwd=ROOT, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        host, _, port = address.rpartition(":")
        create_connection((host, int(port)), 10).close()
        yield address
    finally:
        process.terminate()
        process.wait()


async def _serve() -> None:
    """Answers on a port that it prints. A bare protocol: a server that is slow would be most of what is measured."""
    answers = {series: cycle(_answers(series)) for series in SERVICES}
    head = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            body = next(answers[int(request.split(b"/", 2)[1])])
            writer.write(head.format(CONTENT_TYPE, len(body)).encode() + body)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("{}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
