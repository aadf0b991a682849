"""StatsD into a real socket: increments, absolute gauges, tags, datagrams that fit."""

from __future__ import annotations

import math
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.exporters.conftest import Start
from support.servers import free_port
from support.waiting import wait_for
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.exporters.statsd import PACKET
from tapewatch_sdk.instruments import MetricsRegistry

TAGS = "|#service:capture"


class Agent:
    """A UDP socket that keeps what comes in.

    Attributes:
        packets: every datagram so far.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._socket = listener
        listener.settimeout(0.2)
        self.packets: list[str] = []

    def lines(self) -> list[str]:
        """What came since the last time."""
        found: list[str] = []
        while True:
            try:
                packet = self._socket.recv(65536).decode()
            except TimeoutError:
                return found
            self.packets.append(packet)
            found += packet.split("\n")

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"statsd+udp://127.0.0.1:{self.port}"


@pytest.fixture
def agent() -> Iterator[Agent]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        yield Agent(listener)


def test_a_counter_is_sent_as_what_came_since_the_last_time(
    agent: Agent, start: Start, registry: MetricsRegistry
) -> None:
    orders = registry.counter("orders", labels=["symbol"])
    orders.inc(5, {"symbol": "BTC-USD"})
    pushing = start(agent.url)
    assert agent.lines() == [f"orders_total:5|c{TAGS},symbol:BTC-USD"]

    orders.inc(2.5, {"symbol": "BTC-USD"})
    pushing.flush()
    assert agent.lines() == [f"orders_total:2.5|c{TAGS},symbol:BTC-USD"]
    pushing.flush()
    assert agent.lines() == [], "nothing came since then"


def test_a_counter_is_there_before_it_counts(agent: Agent, start: Start, registry: MetricsRegistry) -> None:
    registry.counter("orders")
    start(agent.url)

    assert agent.lines() == [f"orders_total:0|c{TAGS}"]


def test_a_gauge_is_sent_each_time_and_a_negative_one_is_no_change(
    agent: Agent, start: Start, registry: MetricsRegistry
) -> None:
    level = registry.gauge("level")
    level.set(3)
    pushing = start(agent.url)
    level.set(-2.5)
    pushing.flush()

    assert agent.lines() == [f"level:3|g{TAGS}", f"level:0|g{TAGS}", f"level:-2.5|g{TAGS}"]
    assert agent.packets[-1].count("\n") == 1, "both stand in one datagram"


def test_a_histogram_is_sent_as_its_counters(agent: Agent, start: Start, registry: MetricsRegistry) -> None:
    latency = registry.histogram("latency_seconds", buckets=(0.5, 1))
    latency.observe(0.75)
    pushing = start(agent.url)
    assert agent.lines() == [
        f"latency_seconds_bucket:0|c{TAGS},le:0.5", f"latency_seconds_bucket:1|c{TAGS},le:1.0",
        f"latency_seconds_bucket:1|c{TAGS},le:+Inf", f"latency_seconds_count:1|c{TAGS}",
        f"latency_seconds_sum:0.75|c{TAGS}",
    ]  # fmt: skip

    latency.observe(7)
    pushing.flush()
    assert agent.lines() == [
        f"latency_seconds_bucket:1|c{TAGS},le:+Inf", f"latency_seconds_count:1|c{TAGS}",
        f"latency_seconds_sum:7|c{TAGS}",
    ]  # fmt: skip


def test_what_statsd_has_no_word_for_is_left_out(agent: Agent, start: Start, registry: MetricsRegistry) -> None:
    for name, value in (("a", math.nan), ("b", math.inf), ("c", -math.inf), ("d", 1.0)):
        registry.gauge(name).set(value)
    start(agent.url)

    assert agent.lines() == [f"d:1|g{TAGS}"]


def test_what_would_break_the_format_is_replaced(agent: Agent, start: Start, registry: MetricsRegistry) -> None:
    registry.gauge("of:rate", labels=["path"]).set(1, {"path": "a,b|c#d\ne:f g"})
    start(agent.url)

    assert agent.lines() == [f"of_rate:1|g{TAGS},path:a_b_c_d_e:f_g"]


def test_no_datagram_is_larger_than_a_frame_and_none_is_lost(
    agent: Agent, start: Start, registry: MetricsRegistry
) -> None:
    level = registry.gauge("level", labels=["symbol"])
    for number in range(500):
        level.set(number, {"symbol": f"S{number}"})
    pushing = start(agent.url)

    assert pushing.flush()
    lines = agent.lines()
    assert {f"level:{number}|g{TAGS},symbol:S{number}" for number in range(500)} == set(lines)
    assert max(len(packet) for packet in agent.packets) <= PACKET
    assert len(agent.packets) < 100, "they are not sent one by one"


def test_a_series_that_fits_into_no_datagram_is_counted_and_the_others_are_sent(
    agent: Agent, start: Start, registry: MetricsRegistry
) -> None:
    level = registry.gauge("level", labels=["text"])
    level.set(1, {"text": "x" * PACKET})
    level.set(2, {"text": "y"})
    pushing = start(agent.url)

    assert agent.lines() == [f"level:2|g{TAGS},text:y"]
    wait_for("it is counted", lambda: [each.refused for each in pushing.counts.values()] == [1])


def test_a_series_that_is_no_more_and_comes_again_begins_anew(
    agent: Agent, start: Start, registry: MetricsRegistry
) -> None:
    orders = registry.counter("orders", labels=["symbol"])
    orders.inc(5, {"symbol": "a"})
    pushing = start(agent.url)
    agent.lines()
    orders.remove({"symbol": "a"})
    pushing.flush()
    orders.inc(7, {"symbol": "a"})
    pushing.flush()

    assert agent.lines() == [f"orders_total:7|c{TAGS},symbol:a"]


def test_no_increment_counts_twice_when_an_agent_comes_late(start: Start, registry: MetricsRegistry) -> None:
    registry.counter("orders").inc(5)
    port = free_port()
    pushing = start(f"statsd+udp://127.0.0.1:{port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        wait_for("it was sent into nowhere", lambda: [each.sent for each in pushing.counts.values()] == [1])
        listener.bind(("127.0.0.1", port))
        registry.counter("orders").inc(2)
        pushing.flush()

        assert Agent(listener).lines() == [f"orders_total:2|c{TAGS}"]


def test_a_unix_socket_takes_it_as_well(start: Start, registry: MetricsRegistry) -> None:
    registry.gauge("level").set(1)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = Path(folder) / "agent.sock"
        listener.bind(str(path))
        start(f"statsd+unix://{path}")

        assert Agent(listener).lines() == [f"level:1|g{TAGS}"]


def test_a_unix_socket_that_is_not_there_yet_costs_a_counter(start: Start, tmp_path: Path) -> None:
    pushing = start(f"statsd+unix://{tmp_path}/none.sock")

    wait_for("it failed", lambda: [each.failures for each in pushing.counts.values()] >= [1])


@pytest.mark.parametrize("url", ["statsd+tcp://a:1", "statsd+udp://", "statsd+unix:", "statsd+a:8125"])
def test_what_is_no_statsd_server_is_named(url: str, registry: MetricsRegistry, start: Start) -> None:
    with pytest.raises(ProblemsError) as caught:
        start(url)

    assert [problem.code for problem in caught.value.problems] == ["push/bad-url"]
