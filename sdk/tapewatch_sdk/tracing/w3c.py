"""W3C Trace Context and Baggage as text: what stands in the headers `traceparent`, `tracestate` and `baggage`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import quote, unquote

from tapewatch_sdk.tracing.context import MAX_CORRELATION, TraceContext

__all__ = ["BAGGAGE", "CORRELATION_KEY", "TRACEPARENT", "TRACESTATE", "Carrier", "Fields", "HasItems", "read_fields"]

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
BAGGAGE = "baggage"

CORRELATION_KEY = "correlation_id"
"""The member of the baggage that holds the correlation id."""


class HasItems(Protocol):
    """A mapping, or the headers of a library that are nearly one."""

    def items(self) -> Iterable[tuple[Any, Any]]:
        """Its names and values."""


Carrier = HasItems | Iterable[tuple[Any, Any]]
"""Headers or the fields of a message: a mapping, or pairs as ASGI and Kafka have them; values may be bytes."""

_MAX_STATE = 512
_MAX_BAGGAGE = 8192
_MAX_MEMBERS = 64
"""Sizes that W3C asks everyone to pass on; what is larger is left out."""

_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


class Fields:
    """The three fields, read or to be written.

    Parameters:
        trace: the place in a trace, if there is one.
        correlation: the correlation id; empty for none.
        members: the other members of the baggage, as text.
    """

    __slots__ = ("correlation", "members", "trace")

    def __init__(self, trace: TraceContext | None, correlation: str, members: str) -> None:
        self.trace = trace
        self.correlation = correlation
        self.members = members

    def written(self) -> dict[str, str]:
        """The fields as text, without those that are empty."""
        found = {}
        if self.trace is not None:
            flags = "01" if self.trace.sampled else "00"
            found[TRACEPARENT] = f"00-{self.trace.trace_id}-{self.trace.span_id}-{flags}"
            if self.trace.state:
                found[TRACESTATE] = self.trace.state
        own = f"{CORRELATION_KEY}={quote(self.correlation, safe='')}" if self.correlation else ""
        if baggage := ",".join(filter(None, (own, self.members))):
            found[BAGGAGE] = baggage
        return found


def read_fields(carrier: Carrier) -> Fields:
    """The fields in headers or a message; what is malformed counts as not there, as W3C has it."""
    pairs = carrier if isinstance(carrier, Iterable) and not hasattr(carrier, "items") else carrier.items()
    texts: dict[str, str] = {}
    for key, value in pairs:
        name = _text(key).lower()
        if name in (TRACEPARENT, TRACESTATE, BAGGAGE):
            # A header that comes several times is one list.
            texts[name] = f"{texts[name]},{_text(value)}" if name in texts else _text(value)
    correlation, members = _baggage(texts.get(BAGGAGE, ""))
    return Fields(_parent(texts.get(TRACEPARENT, ""), texts.get(TRACESTATE, "")), correlation, members)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _parent(text: str, state: str) -> TraceContext | None:
    match = _PARENT.fullmatch(text.strip())
    if match is None or match["version"] == "ff" or (match["version"] == "00" and match["more"]):
        return None
    trace, span = int(match["trace"], 16), int(match["span"], 16)
    if not trace or not span:
        return None
    kept = state.strip()
    passed = kept if len(kept) <= _MAX_STATE and _PRINTABLE.fullmatch(kept) else ""
    return TraceContext.of(trace, span, bool(int(match["flags"], 16) & 1), passed)


def _baggage(text: str) -> tuple[str, str]:
    """The correlation id, and all other members."""
    if len(text) > _MAX_BAGGAGE or not _PRINTABLE.fullmatch(text):
        return "", ""
    correlation, others = "", []
    for member in text.split(",")[:_MAX_MEMBERS]:
        key, _, value = member.partition("=")
        if key.strip() == CORRELATION_KEY:
            # What follows a semicolon are properties.
            correlation = unquote(value.partition(";")[0].strip())[:MAX_CORRELATION]
        elif member.strip():
            others.append(member.strip())
    return correlation, ",".join(others)
