"""Which trace, and which correlation id, the running code belongs to.

Both travel with the code as context variables do: into the coroutines and tasks that it starts, and into a thread
that is started with `contextvars.copy_context().run`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

__all__ = [
    "CORRELATION",
    "CURRENT",
    "ID_BITS",
    "MEMBERS",
    "RANDOM",
    "TraceContext",
    "correlated",
    "correlation_id",
    "here",
]

RANDOM = random.Random(os.urandom(32))  # noqa: S311 -- ids and a lottery, nothing to be kept secret
"""Our own source of ids: a service that seeds Python's (a simulation) neither repeats trace ids nor is disturbed."""

os.register_at_fork(after_in_child=lambda: RANDOM.seed(os.urandom(32)))

MAX_CORRELATION = 128
"""Characters of a correlation id; what came over the network may be any length."""

_SPAN_BITS = 64
_SPAN_MASK = (1 << _SPAN_BITS) - 1

ID_BITS = 192
"""Bits of a trace id and a span id together."""


class TraceContext:
    """A place in a trace, as W3C's `traceparent` and `tracestate` have it.

    Parameters:
        ids: trace id (128 bits) and, below it, span id (64 bits), in one number.
        sampled: whether this trace is kept; one decision holds for the whole of it.
        state: `tracestate`, passed on as it came.
    """

    __slots__ = ("ids", "sampled", "state")

    def __init__(self, ids: int, sampled: bool, state: str = "") -> None:
        self.ids = ids
        self.sampled = sampled
        self.state = state

    @classmethod
    def of(cls, trace_id: int, span_id: int, sampled: bool, state: str = "") -> TraceContext:
        """A place given by its two ids."""
        return cls(trace_id << _SPAN_BITS | span_id, sampled, state)

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return f"{self.ids >> _SPAN_BITS:032x}"

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return f"{self.ids & _SPAN_MASK:016x}"

    @property
    def numbers(self) -> tuple[int, int]:
        """Trace id and span id as numbers."""
        return self.ids >> _SPAN_BITS, self.ids & _SPAN_MASK


CURRENT: ContextVar[TraceContext | int | None] = ContextVar("tapewatch_trace", default=None)
"""The place in a trace where the running code is.

For a trace that began here and is not kept it is the `ids` alone, which are drawn in a tenth of the time of the object:
log lines and other services use them, but most are never looked at.
"""


def here() -> TraceContext | None:
    """The place in a trace where the running code is, as far as our own spans know it."""
    place = CURRENT.get()
    return TraceContext(place, False) if isinstance(place, int) else place


CORRELATION: ContextVar[str] = ContextVar("tapewatch_correlation_id", default="")
"""The correlation id of what the running code works on."""

MEMBERS: ContextVar[str] = ContextVar("tapewatch_baggage", default="")
"""Other members of the baggage that came in, passed on as they are."""


def correlation_id() -> str:
    """The correlation id of what the running code works on; empty when it has none."""
    return CORRELATION.get()


@contextmanager
def correlated(identifier: str | None = None) -> Iterator[str]:
    """Gives what happens inside one correlation id, on log lines and in the baggage of calls; gives that id.

    Parameters:
        identifier: the id, cut after 128 characters; without one a new one is made.
    """
    chosen = str(identifier)[:MAX_CORRELATION] if identifier else f"{RANDOM.getrandbits(128):032x}"
    token = CORRELATION.set(chosen)
    try:
        yield chosen
    finally:
        with suppress(ValueError):  # ended in another task, whose id is not ours to change
            CORRELATION.reset(token)
