"""Switches tracing on and off."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem
from tapewatch_sdk.sending.endpoint import checked_url, needs_opentelemetry
from tapewatch_sdk.sending.outbox import Counts
from tapewatch_sdk.tracing import _span
from tapewatch_sdk.tracing.sampling import FollowedRatio

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

    from tapewatch_sdk.sending.outbox import Outbox
    from tapewatch_sdk.tracing._recording import OtelRecorder

__all__ = ["ENDPOINT", "SAMPLING", "Tracing", "configure"]

ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
"""Environment variable with the whole URL of the OTLP receiver for traces."""

SAMPLING = "TAPEWATCH_SAMPLING_URL"
"""Environment variable with the URL at which Jaeger hands out the catalogue's sampling rates."""

QUEUE_SIZE = 2048
"""Spans that wait at most; OpenTelemetry's own default. A span takes some 3 KB."""

CLOSE_TIMEOUT = 2.0
"""Seconds that the end of the program may be held up for spans that wait."""

_NOTHING = Counts(0, 0, 0, 0, 0)

_current: Tracing | None = None


class Tracing:
    """Tracing as `configure` has set it up; the one that was set up last is in force.

    Parameters:
        recorder: makes the spans that are kept; None when tracing is off.
        outbox: sends them.
        followed: follows the rate that Jaeger hands out, if it is to be followed.
    """

    def __init__(
        self,
        recorder: OtelRecorder | None = None,
        outbox: Outbox[ReadableSpan] | None = None,
        followed: FollowedRatio | None = None,
    ) -> None:
        self._recorder = recorder
        self._outbox = outbox
        self._followed = followed

    @property
    def on(self) -> bool:
        """Whether spans are kept at all."""
        return self._recorder is not None

    @property
    def sampling(self) -> float:
        """The share of the traces beginning here that is kept now; 0 when tracing is off."""
        return self._recorder.ratio if self._recorder else 0.0

    @property
    def counts(self) -> Counts:
        """What became of the spans that were kept, in this process."""
        return self._outbox.counts if self._outbox else _NOTHING

    @property
    def provider(self) -> TracerProvider | None:
        """For libraries that are instrumented with OpenTelemetry: `opentelemetry.trace.set_tracer_provider(...)`."""
        return self._recorder.provider if self._recorder else None

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until every span that has ended so far is sent; False when that took longer than `timeout` seconds."""
        return self._outbox is None or self._outbox.flush(timeout)

    def close(self, timeout: float = CLOSE_TIMEOUT) -> bool:
        """Keeps no further span, and sends those that wait within `timeout` seconds; False when some were dropped.

        It happens by itself when the program ends.
        """
        if _span.recorder_in_use() is self._recorder:
            _span.use(None)
        if self._followed is not None:
            self._followed.close()
        atexit.unregister(self.close)
        return self._outbox is None or self._outbox.close(timeout)


def configure(
    service: str,
    team: str = "",
    environment: str = "",
    endpoint: str | None = None,
    sampling: float = 0.1,
    *,
    sampling_url: str | None = None,
    headers: Mapping[str, str] | None = None,
    queue_size: int = QUEUE_SIZE,
) -> Tracing:
    """Keeps spans from now on, and sends them by OTLP over HTTP in the background. What was set up before is closed.

    Parameters:
        service, team, environment: who this is, as in the catalogue; attributes of every span.
        endpoint: whole URL of the receiver, such as `http://jaeger:4318/v1/traces`; by default what
            `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` says. Without either, tracing is off.
        sampling: share of the traces beginning here that is kept, from 0 to 1. A trace that came in from elsewhere
            was decided upon there. 0.1 is the catalogue's default.
        sampling_url: where Jaeger hands out the catalogue's rates, such as `http://jaeger:5778/sampling`; by default
            what `TAPEWATCH_SAMPLING_URL` says. It is asked once a minute, and overrides `sampling`.
        headers: further headers, for authorisation; beside those of `OTEL_EXPORTER_OTLP_TRACES_HEADERS`.
        queue_size: how many spans wait at most while the receiver is slow or dead.

    Raises:
        ProblemsError: an endpoint is given and the extra `otel` is not installed; a URL or the share is wrong.
    """
    global _current
    made = _made(
        {"service": service, "service.name": service, "team": team, "environment": environment},
        endpoint if endpoint is not None else os.environ.get(ENDPOINT, ""),
        _share(sampling),
        sampling_url if sampling_url is not None else os.environ.get(SAMPLING, ""),
        headers or {},
        queue_size,
    )
    before, _current = _current, made
    _span.use(made._recorder)
    if before is not None:
        before.close()
    atexit.register(made.close)
    return made


def _made(
    resource: Mapping[str, str],
    endpoint: str,
    sampling: float,
    sampling_url: str,
    headers: Mapping[str, str],
    queue_size: int,
) -> Tracing:
    if not endpoint or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Tracing()
    checked_url(endpoint, ENDPOINT, "http://jaeger:4318/v1/traces")
    if sampling_url:
        checked_url(sampling_url, SAMPLING, "http://jaeger:5778/sampling")
    with needs_opentelemetry(endpoint):
        from tapewatch_sdk.tracing._recording import OtelRecorder, span_outbox
    outbox = span_outbox(endpoint, headers, queue_size)
    recorder = OtelRecorder({key: value for key, value in resource.items() if value}, sampling, outbox)
    if not sampling_url:
        return Tracing(recorder, outbox)

    def apply(ratio: float) -> None:
        recorder.ratio = ratio

    return Tracing(recorder, outbox, FollowedRatio(sampling_url, resource["service"], apply))


def _share(sampling: float) -> float:
    if not 0 <= sampling <= 1:
        raise ProblemsError(
            [
                Problem(
                    "tracing/bad-sampling",
                    f"{sampling!r} is no share of traces",
                    must="a number from 0 (none) to 1 (all)",
                    fix="take it from the catalogue: `traces: {sampling: 0.1}`",
                    where=Place(path="sampling"),
                )
            ]
        )
    return float(sampling)
