"""Trace and correlation id over the border of a process: what is written, what is read, what is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from typing import Any

import pytest

from tapewatch_sdk import tracing

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def passed_on(carrier: Any) -> Mapping[str, str]:
    with tracing.continued(carrier):
        return tracing.inject()


def test_outside_of_everything_there_is_nothing_to_write() -> None:
    assert tracing.inject({"accept": "*/*"}) == {"accept": "*/*"}
    assert tracing.correlation_id() == ""


def test_what_came_in_holds_inside_and_not_behind() -> None:
    with tracing.continued({"traceparent": PARENT, "baggage": "correlation_id=c-1"}):
        here = tracing.current()
        assert here is not None
        assert (here.trace_id, here.span_id, here.sampled) == (TRACE, SPAN, True)
        assert tracing.correlation_id() == "c-1"

    assert tracing.current() is None
    assert tracing.correlation_id() == ""


@pytest.mark.parametrize(
    "carrier",
    [
        {"traceparent": PARENT},
        {"Traceparent": PARENT},
        {"TRACEPARENT": PARENT.encode()},
        [(b"host", b"x"), (b"traceparent", PARENT.encode())],
        [("traceparent", PARENT.encode()), ("other", None)],
        {"traceparent": f" {PARENT} ", "quantity": 3, "nested": {}},
        {"traceparent": f"cc-{TRACE}-{SPAN}-01-what-the-future-brings"},
        {"traceparent": f"00-{TRACE}-{SPAN}-ff"},
    ],
)
def test_headers_of_many_kinds_are_read(carrier: Any) -> None:
    assert passed_on(carrier) == {"traceparent": PARENT}


def test_headers_of_the_standard_library_are_read() -> None:
    message = Message()
    message["TraceParent"] = PARENT

    assert passed_on(message) == {"traceparent": PARENT}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0x",
        f"{PARENT},{PARENT}",
        f"{PARENT}\n",
        "١٢-" + PARENT[3:],
    ],
)
def test_a_malformed_parent_counts_as_none(value: str) -> None:
    expected = {"traceparent": PARENT} if value.strip() == PARENT else {}

    assert passed_on({"traceparent": value, "tracestate": "v=1"}) == (
        {**expected, "tracestate": "v=1"} if expected else {}
    )


@pytest.mark.parametrize("carrier", [{}, [], None, 3, "text", [1], [(1, 2, 3)], {"traceparent": None, 3: 4}])
def test_what_is_no_carrier_changes_nothing(carrier: Any) -> None:
    with tracing.correlated("before"):
        assert passed_on(carrier) == {"baggage": "correlation_id=before"}


def test_a_carrier_that_takes_nothing_is_given_back() -> None:
    class Full(dict[str, str]):
        def __setitem__(self, key: str, value: str) -> None:
            raise MemoryError

    with tracing.correlated("a"):
        assert tracing.inject(Full()) == {}


def test_state_and_foreign_baggage_are_passed_on_as_they_came() -> None:
    given = {"traceparent": PARENT, "tracestate": "vendor=a:b,other=c", "baggage": "user=alice;ttl=3,tier=%20gold"}

    assert passed_on(given) == given


def test_the_correlation_id_may_hold_anything() -> None:
    with tracing.correlated("order 17, ä;=%\n") as identifier:
        sent = tracing.inject({"baggage": "overwritten"})

    assert sent["baggage"].isascii()
    assert sent["baggage"].isprintable()
    with tracing.continued(sent):
        assert tracing.correlation_id() == identifier


def test_the_correlation_id_stands_before_foreign_baggage_and_replaces_the_one_that_came() -> None:
    with tracing.continued({"baggage": "user=alice, correlation_id = old ;p=1 ,x=1"}):
        assert tracing.correlation_id() == "old"
        with tracing.correlated("new"):
            assert tracing.inject() == {"baggage": "correlation_id=new,user=alice,x=1"}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("tracestate", f"v={'x' * 600}"),
        ("tracestate", "v=\x01"),
        ("baggage", f"user={'x' * 9000}"),
        ("baggage", "user=\r\nX-Evil: 1"),
    ],
)
def test_what_is_too_long_or_no_header_is_not_passed_on(header: str, value: str) -> None:
    assert passed_on({"traceparent": PARENT, header: value}) == {"traceparent": PARENT}


def test_long_ids_and_long_lists_are_cut() -> None:
    members = ",".join(f"k{number}=v" for number in range(100))
    with tracing.continued({"baggage": f"correlation_id={'x' * 500},{members}"}):
        assert tracing.correlation_id() == "x" * 128
        assert tracing.inject()["baggage"].count(",") == 63


def test_new_correlation_ids_differ() -> None:
    with tracing.correlated() as one, tracing.correlated() as other:
        assert tracing.correlation_id() == other
        assert one != other
        assert len(one) == 32
