"""Trace and correlation id over the border of a process: HTTP headers and messages."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import Token
from typing import Any, TypeVar, overload

from tapewatch_sdk.tracing._span import current, remote
from tapewatch_sdk.tracing.context import CORRELATION, CURRENT, MEMBERS
from tapewatch_sdk.tracing.w3c import Carrier, Fields, read_fields

__all__ = ["continued", "inject"]

Headers = TypeVar("Headers", bound=MutableMapping[str, Any])


@overload
def inject() -> dict[str, str]: ...
@overload
def inject(carrier: Headers) -> Headers: ...
def inject(carrier: Any = None) -> Any:
    """Writes the trace and the correlation id of the running code into headers or a message; gives the same object.

    Parameters:
        carrier: takes the keys `traceparent`, `tracestate` and `baggage`, those of them that have something to say;
            a new dictionary by default.
    """
    into = {} if carrier is None else carrier
    with suppress(Exception):
        for name, value in Fields(current(), CORRELATION.get(), MEMBERS.get()).written().items():
            into[name] = value
    return into


@contextmanager
def continued(carrier: Carrier) -> Iterator[None]:
    """What happens inside belongs to the trace and the correlation id that came in with headers or a message.

    Parameters:
        carrier: a mapping, its keys in any case, or pairs, as ASGI and Kafka have them. What it does not hold, or
            holds malformed, is left as it is outside.
    """
    fields = _read(carrier)
    tokens: list[tuple[Any, Token[Any]]] = []
    with remote(fields.trace):
        if fields.trace is not None:
            tokens.append((CURRENT, CURRENT.set(fields.trace)))
        if fields.correlation:
            tokens.append((CORRELATION, CORRELATION.set(fields.correlation)))
        if fields.members:
            tokens.append((MEMBERS, MEMBERS.set(fields.members)))
        try:
            yield
        finally:
            for variable, token in reversed(tokens):
                with suppress(ValueError):  # ended in another task, whose context is not ours to change
                    variable.reset(token)


def _read(carrier: Carrier) -> Fields:
    try:
        return read_fields(carrier)
    except Exception:  # noqa: BLE001 -- headers come from anybody, and nothing of ours reaches the caller
        return Fields(None, "", "")
