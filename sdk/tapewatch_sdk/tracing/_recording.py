"""Spans that are kept: OpenTelemetry's, handed to an outbox when they end. It is loaded once an endpoint is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import Token

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from opentelemetry.util.types import Attributes, AttributeValue

from tapewatch_sdk.logs.redaction import encodable, redacted
from tapewatch_sdk.sending.otlp import OtlpSender
from tapewatch_sdk.sending.outbox import Outbox
from tapewatch_sdk.tracing._span import Kind
from tapewatch_sdk.tracing.context import ID_BITS, RANDOM, TraceContext, here

__all__ = ["OtelRecorder", "span_outbox"]

_DECIDED = otel.create_key("tapewatch-decided")
"""In the context of a trace that begins here: the lottery was held already."""

_KINDS: Mapping[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}

_PLAIN = (str, bool, int, float)

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def span_outbox(endpoint: str, headers: Mapping[str, str], size: int) -> Outbox[ReadableSpan]:
    """Where spans go that have ended.

    Parameters:
        endpoint: whole URL of the OTLP receiver.
        headers: further headers of each request.
        size: how many spans wait at most.
    """

    def connect() -> OtlpSender[ReadableSpan]:
        return OtlpSender(lambda session: OTLPSpanExporter(endpoint=endpoint, session=session), headers)

    return Outbox("spans", connect, size=size)


class OtelRecorder:
    """Makes spans with OpenTelemetry.

    Parameters:
        resource: the attributes of the service, on all its spans.
        ratio: the share of traces that begin here and are kept.
        outbox: takes the spans that have ended.
    """

    def __init__(self, resource: Mapping[str, str], ratio: float, outbox: Outbox[ReadableSpan]) -> None:
        self.ratio = ratio
        self.others: Callable[[], object] = otel.get_current
        self.provider = TracerProvider(
            sampler=_ParentOrRatio(self),
            resource=Resource.create(dict(resource)),
            shutdown_on_exit=False,
            id_generator=_Ids(),
        )
        self.provider.add_span_processor(_Handover(outbox))
        self._tracer = self.provider.get_tracer("tapewatch_sdk")

    def foreign(self) -> TraceContext | None:
        """The place in a trace that other users of OpenTelemetry in this process have opened."""
        return _place(trace.get_current_span().get_span_context())

    def start(
        self, name: str, kind: Kind, attributes: Mapping[str, object], parent: TraceContext | None
    ) -> _OtelRecording:
        """A new span, which is the current one, also for other users of OpenTelemetry, until it is ended."""
        around = _around(parent)
        made = self._tracer.start_span(
            encodable(name),
            context=around,
            kind=_KINDS.get(kind, SpanKind.INTERNAL),
            attributes=_attributes(attributes),
        )
        return _OtelRecording(made)

    @contextmanager
    def remote(self, context: TraceContext) -> Iterator[None]:
        """Shows other users of OpenTelemetry the place that came in from another process."""
        token = otel.attach(trace.set_span_in_context(NonRecordingSpan(_span_context(context))))
        try:
            yield
        finally:
            otel.detach(token)


class _OtelRecording:
    """A span of OpenTelemetry, current until it is ended."""

    def __init__(self, made: trace.Span) -> None:
        self.context = _place(made.get_span_context()) or TraceContext(RANDOM.getrandbits(ID_BITS), False)
        self._span = made
        self._token: Token[otel.Context] = otel.attach(trace.set_span_in_context(made))

    def set(self, attributes: Mapping[str, object]) -> None:
        with suppress(Exception):
            self._span.set_attributes(_attributes(attributes))

    def event(self, name: str, attributes: Mapping[str, object]) -> None:
        with suppress(Exception):
            self._span.add_event(encodable(name), _attributes(attributes))

    def end(self, error: BaseException | None) -> None:
        with suppress(Exception):
            # Not an error: a task that is cancelled, a generator that is closed, an interpreter that ends.
            if isinstance(error, Exception):
                self._note(error)
            self._span.end()
        with suppress(Exception):
            # Ended in another task, it is not the current one there, and that task's context is not ours to change.
            if trace.get_current_span() is self._span:
                otel.detach(self._token)

    def _note(self, error: Exception) -> None:
        words = str(redacted("", str(error)))
        kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        self._span.add_event("exception", {"exception.type": kind, "exception.message": words})
        self._span.set_status(Status(StatusCode.ERROR, f"{kind}: {words}"))


class _Handover(SpanProcessor):
    """Puts spans that have ended into an outbox."""

    def __init__(self, outbox: Outbox[ReadableSpan]) -> None:
        self._outbox = outbox

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self._outbox.put(span)


class _ParentOrRatio(Sampler):
    """The parent's decision, or else ours: the lottery, if `span` has not held it already."""

    def __init__(self, recorder: OtelRecorder) -> None:
        self._recorder = recorder

    def should_sample(
        self,
        parent_context: otel.Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        keep = parent.trace_flags.sampled if parent.is_valid else self._begin(parent_context)
        decision = Decision.RECORD_AND_SAMPLE if keep else Decision.DROP
        return SamplingResult(decision, attributes if keep else None, parent.trace_state if parent.is_valid else None)

    def _begin(self, context: otel.Context | None) -> bool:
        if context is not None and context.get(_DECIDED):
            return True
        ours = here()  # a span of ours that is not kept is not seen by OpenTelemetry
        return ours.sampled if ours is not None else RANDOM.random() < self._recorder.ratio

    def get_description(self) -> str:
        return f"TapewatchParentOrRatio{{{self._recorder.ratio}}}"


class _Ids(IdGenerator):
    """Ids that a service's own use of Python's `random` neither repeats nor is disturbed by."""

    def generate_span_id(self) -> int:
        return RANDOM.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return RANDOM.getrandbits(128) or 1

    def is_trace_id_random(self) -> bool:
        return True


def _around(parent: TraceContext | None) -> otel.Context | None:
    """The context in which a span begins; None for the current one, where that is in the same trace."""
    if parent is None:
        return otel.set_value(_DECIDED, True)
    if trace.get_current_span().get_span_context().trace_id == parent.numbers[0]:
        return None
    return trace.set_span_in_context(NonRecordingSpan(_span_context(parent)))


def _place(found: SpanContext) -> TraceContext | None:
    if not found.is_valid:
        return None
    state = found.trace_state.to_header() if found.trace_state else ""
    return TraceContext.of(found.trace_id, found.span_id, bool(found.trace_flags.sampled), state)


def _span_context(place: TraceContext) -> SpanContext:
    trace_id, span_id = place.numbers
    state = TraceState.from_header([place.state]) if place.state else None
    return SpanContext(trace_id, span_id, True, _SAMPLED if place.sampled else TraceFlags(), state)


def _attributes(given: Mapping[str, object]) -> dict[str, AttributeValue]:
    """Values as OpenTelemetry takes them, without secrets."""
    return {encodable(key): _value(redacted(key, value)) for key, value in given.items()}


def _value(value: object) -> AttributeValue:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list | tuple) and value and isinstance(value[0], _PLAIN):
        kind = type(value[0])
        if all(type(each) is kind for each in value):
            return value
    return str(value)
