"""Two looks: counters only grow, something moves, and both formats are seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler

import pytest

from stack.verifying.conftest import Verify
from stack.verifying.exposing import OPENMETRICS, OPENMETRICS_TYPE, TEXT, TEXT_TYPE, Exposing

LATER = TEXT.replace("system_uptime_seconds 12.5", "system_uptime_seconds 13.5")


def codes(verified: Verify) -> list[str]:
    return sorted(problem.code for problem in verified(again=0.01).problems)


def answer_in_turn(quoter: Exposing, *texts: str, content_type: str = TEXT_TYPE) -> None:
    """One text for each request."""
    left: Iterator[str] = iter(texts)

    def respond(_: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], bytes]:
        return 200, {"Content-Type": content_type}, next(left).encode()

    quoter.respond = respond


def test_a_service_that_goes_on_has_no_problem(verified: Verify, quoter: Exposing) -> None:
    answer_in_turn(quoter, TEXT, LATER.replace('side="buy"} 3', 'side="buy"} 30'))

    assert codes(verified) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('side="buy"} 3', 'side="buy"} 2', "`quotes_total` of `quoter` fell from 3 to 2"),
        ('le="1.0"} 1', 'le="1.0"} 0', "`quote_latency_ms_bucket` of `quoter` fell from 1 to 0"),
        ("quote_bytes_count 3", "quote_bytes_count 1", "`quote_bytes_count` of `quoter` fell from 3 to 1"),
    ],
)
def test_what_counts_may_not_fall(verified: Verify, quoter: Exposing, old: str, new: str, words: str) -> None:
    answer_in_turn(quoter, TEXT, LATER.replace(old, new))

    (problem,) = verified(again=0.01).problems

    assert problem.code == "verify/counter-fell"
    assert words in problem.summary
    assert new in problem.where.excerpt


def test_a_gauge_and_a_sum_may_fall(verified: Verify, quoter: Exposing) -> None:
    answer_in_turn(quoter, TEXT, LATER.replace("quotes_open 7", "quotes_open 1").replace("20.5", "10.5"))

    assert codes(verified) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TEXT, TEXT.replace("seconds 12.5", "seconds 0.5")),
        (f"{TEXT}process_start_time_seconds 1000\n", f"{LATER}process_start_time_seconds 2000\n"),
    ],
)
def test_a_service_that_started_again_counts_from_the_beginning(
    verified: Verify, quoter: Exposing, first: str, second: str
) -> None:
    answer_in_turn(quoter, first, second.replace('side="buy"} 3', 'side="buy"} 0'))

    assert codes(verified) == []


def test_an_answer_that_never_changes_is_frozen(verified: Verify) -> None:
    assert codes(verified) == ["verify/frozen"]


def test_a_service_without_an_uptime_may_be_idle(verified: Verify, quoter: Exposing) -> None:
    quoter.text = TEXT[: TEXT.index("# HELP system_uptime")]

    assert verified(again=0.01, emits=["quoting"]).problems == []


def test_the_second_look_asks_for_the_text_format(verified: Verify, quoter: Exposing) -> None:
    quoter.text, quoter.openmetrics = (
        LATER.replace("# TYPE quotes_open gauge", "# TYPE quotes_open counter"),
        OPENMETRICS,
    )

    assert codes(verified) == ["verify/wrong-type"]

    quoter.text = LATER.replace("quotes_open 7", "quotes_open ?")
    assert codes(verified) == ["verify/bad-format"]


def test_what_both_looks_have_is_told_once(verified: Verify, quoter: Exposing) -> None:
    answer_in_turn(quoter, *(text.replace("quotes_open 7\n", "") for text in (TEXT, LATER)))

    assert codes(verified) == ["verify/missing-family"]


def test_a_service_that_dies_between_the_two_is_named(verified: Verify, quoter: Exposing) -> None:
    def respond(_: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], bytes]:
        first = len(quoter.requests) == 1
        return (200, {"Content-Type": OPENMETRICS_TYPE}, OPENMETRICS.encode()) if first else (500, {}, b"dying")

    quoter.respond = respond

    assert codes(verified) == ["verify/status"]


def test_one_that_does_not_answer_is_asked_once(verified: Verify, quoter: Exposing) -> None:
    quoter.respond = lambda _: (503, {}, b"")

    assert codes(verified) == ["verify/status"]
    assert len(quoter.requests) == 1
