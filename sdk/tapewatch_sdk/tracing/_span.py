"""The span. Its way through an unkept trace is hot: it asks nobody, and changes nothing but one context variable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import Token
from functools import wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar, cast

from tapewatch_sdk.tracing.context import CURRENT, ID_BITS, RANDOM, TraceContext, here

__all__ = ["Kind", "Recorder", "Recording", "current", "current_exemplar", "recorder_in_use", "remote", "span", "use"]

Kind = Literal["internal", "server", "client", "producer", "consumer"]

Function = TypeVar("Function", bound=Callable[..., Any])

_random = RANDOM.random
_bits = RANDOM.getrandbits


class Recording(Protocol):
    """A span that is kept."""

    context: TraceContext

    def set(self, attributes: Mapping[str, object]) -> None:
        """Adds attributes."""

    def event(self, name: str, attributes: Mapping[str, object]) -> None:
        """Adds something that happened at a moment."""

    def end(self, error: BaseException | None) -> None:
        """Ends it and hands it over to be sent; an error is noted in it."""


class Recorder(Protocol):
    """Keeps spans; made of OpenTelemetry by `configure`."""

    ratio: float
    """The share of traces that begin here and are kept."""

    others: Callable[[], object]
    """Gives something true when other users of OpenTelemetry may have opened a span; it is asked before `foreign`."""

    def foreign(self) -> TraceContext | None:
        """The place in a trace that other users of OpenTelemetry in this process have opened."""

    def start(self, name: str, kind: Kind, attributes: Mapping[str, object], parent: TraceContext | None) -> Recording:
        """A new span, which is the current one until it is ended."""

    def remote(self, context: TraceContext) -> AbstractContextManager[None]:
        """Shows other users of OpenTelemetry the place that came in from another process."""


_recorder: Recorder | None = None


def use(recorder: Recorder | None) -> None:
    """From now on spans are kept by this recorder; None: they are not kept, and cost nothing."""
    global _recorder
    _recorder = recorder


def recorder_in_use() -> Recorder | None:
    """The recorder that keeps spans now."""
    return _recorder


class span:  # noqa: N801 -- used as a function: `with span("check limit"):`
    """A step of the work, as a context manager or a decorator of a function, a method or a coroutine function.

        with span("check limit", symbol="BTC-USD") as step:
            step.set(limit=limit)

        @span("route order", kind="client")
        async def route(order: Order) -> None: ...

    Whether it is kept was decided where its trace began. An exception that goes through it is noted in it, and goes on.

    Parameters:
        name: what is done, without values: those are attributes.
        kind: `server` and `client` for the two ends of a call, `producer` and `consumer` for those of a message.
        attributes: text, numbers, truth values, or lists of one of these; anything else is kept as its text.
    """

    __slots__ = ("_attributes", "_kind", "_name", "_recording", "_token")

    def __init__(self, name: str, /, *, kind: Kind = "internal", **attributes: object) -> None:
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._token: Token[TraceContext | int | None] | None = None
        self._recording: Recording | None = None

    def __enter__(self) -> Self:
        recorder = _recorder
        if recorder is None:
            return self
        place = CURRENT.get()
        if isinstance(place, int):
            return self
        if place is None:
            place = recorder.foreign() if recorder.others() else None
            if place is None and _random() >= recorder.ratio:
                self._token = CURRENT.set(_bits(ID_BITS))
                return self
        if place is None or place.sampled:
            self._record(recorder, place)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        token = self._token
        if token is None:
            return
        self._token = None
        if self._recording is not None:
            self._recording.end(error)
            self._recording = None
        try:
            CURRENT.reset(token)
        except ValueError:  # ended in another task, whose place in a trace is not ours to change
            return

    def _record(self, recorder: Recorder, parent: TraceContext | None) -> None:
        try:
            recording = recorder.start(self._name, self._kind, self._attributes, parent)
        except Exception:  # noqa: BLE001 -- nothing of ours reaches the caller
            return
        self._recording = recording
        self._token = CURRENT.set(recording.context)

    def __call__(self, function: Function) -> Function:
        """The function with a new span around each of its calls."""
        name, kind, attributes = self._name, self._kind, self._attributes

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with span(name, kind=kind, **attributes):
                return function(*args, **kwargs)

        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with span(name, kind=kind, **attributes):
                return await function(*args, **kwargs)

        return cast(Function, awaited if iscoroutinefunction(function) else called)

    @property
    def kept(self) -> bool:
        """Whether it is kept, so that costly attributes need not be worked out for nothing."""
        return self._recording is not None

    def set(self, **attributes: object) -> None:
        """Adds attributes, or changes them."""
        if self._recording is not None:
            self._recording.set(attributes)

    def event(self, name: str, /, **attributes: object) -> None:
        """Notes that something happened at this moment."""
        if self._recording is not None:
            self._recording.event(name, attributes)


def current() -> TraceContext | None:
    """The place in a trace where the running code is; None outside of all traces."""
    place = here()
    return _recorder.foreign() if place is None and _recorder is not None else place


def current_exemplar() -> Mapping[str, str] | None:
    """Trace id and span id as labels of an exemplar; None unless the running code is in a trace that is kept."""
    place = CURRENT.get()
    if place is None or isinstance(place, int) or not place.sampled:
        return None
    return {"trace_id": place.trace_id, "span_id": place.span_id}


def remote(context: TraceContext | None) -> AbstractContextManager[None]:
    """Shows other users of OpenTelemetry the place that came in; for as long as it is entered."""
    if context is None or _recorder is None:
        return nullcontext()
    return _recorder.remote(context)
