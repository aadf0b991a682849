"""Our exposition equals prometheus-client's, byte for byte, for whatever values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from random import Random

import prometheus_client
import pytest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString

from sdk.instruments.twins import SPECIAL, Twins
from tapewatch_sdk.instruments import (
    CONTENT_TYPE_OPENMETRICS,
    CONTENT_TYPE_TEXT,
    MetricsRegistry,
    generate_openmetrics,
    generate_text,
)
from tapewatch_sdk.instruments._numbers import texts

ESCAPINGS = ["underscores", "allow-utf-8", "dots", "values"]


@pytest.fixture(autouse=True)
def no_created_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """`prometheus_client.disable_created_metrics()`, for one test."""
    monkeypatch.setattr(prometheus_client.metrics, "_use_created", False)


@pytest.fixture(autouse=True)
def same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exemplars carry the time, so it stands still."""
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.123)


def compare(twins: Twins, escaping: str = "underscores") -> None:
    ours, theirs = twins.ours, twins.theirs
    assert generate_text(ours, escaping) == generate_latest(theirs, escaping)
    wanted = openmetrics.generate_latest(theirs, escaping)  # type: ignore[no-untyped-call]
    assert generate_openmetrics(ours, escaping) == wanted


@pytest.mark.parametrize("seed", range(150))
def test_random_instruments_with_random_values_are_written_alike(seed: int, cell_per_thread: bool) -> None:
    twins = Twins(seed, cell_per_thread=cell_per_thread)
    compare(twins)
    for _ in range(4):
        twins.update(60)
        compare(twins)


@pytest.mark.parametrize("escaping", ESCAPINGS)
@pytest.mark.parametrize("seed", range(1000, 1040))
def test_names_that_must_be_escaped_are_written_alike(seed: int, escaping: str) -> None:
    twins = Twins(seed, odd=True)
    twins.update(100)
    compare(twins, escaping)


def test_the_random_instruments_have_all_that_matters() -> None:
    """A generator that never makes a NaN proves nothing about it."""
    written = b""
    for seed in range(150):
        twins = Twins(seed)
        twins.update(240)
        written += generate_openmetrics(twins.ours)

    values = [b" NaN\n", b" +Inf\n", b" -Inf\n", b" -0.0\n", b"e-", b"e+06\n", b"e+15", b"e+100"]
    marks = [
        b'\\"',
        b"\\n",
        b"\\\\",
        "→".encode(),
        b" # {",
        b"counter\n",
        b"gauge\n",
        b"histogram\n",
        b'le="',
        b"_sum{",
    ]
    for part in values + marks:
        assert part in written, part


def numbers() -> Iterator[float]:
    """Numbers of every size, and those where the way of writing changes."""
    random = Random(5)
    yield from SPECIAL
    for exponent in range(-30, 30):
        for near in (0.5, 0.999_999_999_999_999_9, 1.0, 1.000_000_000_000_000_2, 9.5, random.random()):
            yield near * 10.0**exponent
            yield -near * 10.0**exponent
    for _ in range(5_000):
        yield random.choice([-1, 1]) * random.random() * 10.0 ** random.randint(-310, 308)


def test_numbers_are_written_as_go_writes_them() -> None:
    values = list(numbers())

    theirs: Callable[[float], str] = floatToGoString
    assert texts(values) == [theirs(value) for value in values]


def test_the_text_can_be_read_again(registry: MetricsRegistry) -> None:
    value = 'a"b\\c\nd{}%s,=é'
    registry.gauge("g", 'He said "\\"\n', ["x", "y"]).set(1.5, {"x": value, "y": ""})

    families = list(text_string_to_metric_families(generate_text(registry).decode()))
    assert [(family.name, family.documentation) for family in families] == [("live_g", 'He said "\\"\n')]
    assert families[0].samples[0][:3] == ("live_g", {"x": value, "y": ""}, 1.5)


def test_an_empty_registry_writes_nothing_but_the_end(registry: MetricsRegistry) -> None:
    assert generate_text(registry) == b""
    assert generate_openmetrics(registry) == b"# EOF\n"


def test_content_types_are_those_of_the_formats() -> None:
    assert CONTENT_TYPE_TEXT == CONTENT_TYPE_PLAIN_0_0_4
    assert CONTENT_TYPE_OPENMETRICS == openmetrics.CONTENT_TYPE_LATEST


def test_each_exposition_shows_the_values_of_its_moment(registry: MetricsRegistry) -> None:
    price, steps = registry.gauge("price"), count()
    registry.register_callback(lambda: price.set(next(steps)))

    shown = [generate_text(registry).splitlines()[-1] for _ in range(3)]
    assert shown == [b"live_price 0.0", b"live_price 1.0", b"live_price 2.0"]


def test_a_series_made_again_after_its_removal_is_written_with_its_own_labels(registry: MetricsRegistry) -> None:
    price = registry.gauge("price", labels=["symbol"])
    for symbol in "ABC":
        price.set(1, {"symbol": symbol})
    generate_text(registry)
    price.remove({"symbol": "B"})
    price.set(2, {"symbol": "B"})

    assert generate_text(registry).splitlines()[2:] == [
        b'live_price{symbol="A"} 1.0', b'live_price{symbol="C"} 1.0', b'live_price{symbol="B"} 2.0',
    ]  # fmt: skip
