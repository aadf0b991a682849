"""The running service, and its end."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self

from tapewatch_sdk.events import EventBus, EventSeverity, EventType, SpooledSink
from tapewatch_sdk.exporters import Pushing
from tapewatch_sdk.instruments import MetricsRegistry
from tapewatch_sdk.logs import Logs
from tapewatch_sdk.logs._entry import Entry
from tapewatch_sdk.logs.redaction import redacted
from tapewatch_sdk.sending.outbox import Outbox
from tapewatch_sdk.service._counting import Counting, sources_of
from tapewatch_sdk.service._signals import NAME, Termination, end_by
from tapewatch_sdk.serving import Server
from tapewatch_sdk.tracing import Tracing

__all__ = ["CLOSE_TIMEOUT", "Parts", "Running", "Service"]

CLOSE_TIMEOUT = 5.0
"""Seconds that the end may take; `docker stop` kills after 10, Kubernetes after 30."""

CLOSED = "closed"
"""Why a service ends whose program goes on."""

_LOGGER = "tapewatch_sdk.service"

_Step = Callable[[float], object]


class Running:
    """Whether the service is up: the check `running` of `/ready`, which is there before it and after it."""

    def __init__(self) -> None:
        self.up = False

    def __call__(self) -> bool:
        """What the check says."""
        return self.up


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service is made of.

    Parameters:
        registry: its instruments.
        events: its event bus.
        spool: keeps the audit trail, if there is one.
        server: answers scrapes and probes, unless it is not scraped.
        pushing: pushes its metrics, if there is somewhere to push to.
        tracing: keeps its spans.
        logs: writes its log lines.
        running: its check of readiness.
    """

    registry: MetricsRegistry
    events: EventBus
    spool: SpooledSink | None
    server: Server | None
    pushing: Pushing
    tracing: Tracing
    logs: Logs
    running: Running


class Service:
    """A running service, made by `start_service`. Nothing of it raises.

    It ends with `close`, at the end of its `with` block, or with the program: by `atexit`, and at SIGTERM.

    Parameters:
        name, team, environment: who it is, as in the catalogue.
        parts: what it is made of.
        close_timeout: seconds that its end may take, unless `close` is told otherwise.
    """

    def __init__(self, name: str, team: str, environment: str, parts: Parts, close_timeout: float) -> None:
        self.name = name
        self.team = team
        self.environment = environment
        self._parts = parts
        self._close_timeout = close_timeout
        sources = sources_of(parts.tracing, parts.logs, parts.events, parts.spool)
        self._counting = Counting(parts.registry, sources)
        self._termination = Termination(self._terminated)
        self._owner = os.getpid()
        self._signal = self._closer = 0
        self._over = self._delivered = False
        self._first = threading.Lock()
        reference = weakref.WeakMethod(self._after_fork)
        os.register_at_fork(after_in_child=lambda: (method := reference()) and method())

    def _after_fork(self) -> None:
        """The child can close what it has made itself, whatever its parent was just doing."""
        if not self._over:
            self._first, self._closer = threading.Lock(), 0
            # A child of multiprocessing ends without `atexit`; its own finalizers are registered this way.
            if utilities := sys.modules.get("multiprocessing.util"):
                utilities.register_after_fork(self, _close_at_end)

    @property
    def registry(self) -> MetricsRegistry:
        """Its instruments: `registry.counter(...)`."""
        return self._parts.registry

    @property
    def events(self) -> EventBus:
        """Its event bus: `events.emit_trade(...)`."""
        return self._parts.events

    @property
    def tracing(self) -> Tracing:
        """What became of its spans; they are made by `tapewatch_sdk.tracing.span`."""
        return self._parts.tracing

    @property
    def logs(self) -> Logs:
        """What became of its log lines; they are written by Python's `logging`."""
        return self._parts.logs

    @property
    def pushing(self) -> Pushing:
        """What became of its pushes."""
        return self._parts.pushing

    @property
    def server(self) -> Server | None:
        """What answers scrapes and probes; None for a service that is not scraped."""
        return self._parts.server

    @property
    def url(self) -> str:
        """Where it is reached from this machine; empty for a service that is not scraped."""
        return self._parts.server.url if self._parts.server else ""

    @property
    def open(self) -> bool:
        """Whether it runs, in this very process: a forked child has none."""
        return self._owner == os.getpid() and not self._over

    def flush(self, timeout: float = 5.0) -> bool:
        """Send everything that waits, and wait until it is taken: events, metrics, spans, log lines.

        Parameters:
            timeout: seconds for all of it together.

        Returns:
            False when something was not sent in time; it goes on waiting.
        """
        parts = self._parts
        ways_out = [box.flush for box in _boxes(parts.logs)]
        return _stepped([parts.events.flush, parts.pushing.flush, parts.tracing.flush, *ways_out], timeout)

    def close(self, timeout: float | None = None) -> bool:
        """End the service, once: `/ready` says 503, everything that waits is sent, and the port is given back.

        Events come first, then metrics, spans and log lines; the server is last. Each may take what is left of the
        time, but for a tenth of the whole for each that comes after it. In a forked child only what the child itself
        has made is sent.

        Parameters:
            timeout: seconds for all of it together.

        Returns:
            False when something could not be delivered in time. Events of the audit trail are then still on disk.
        """
        return self._close(CLOSED, self._close_timeout if timeout is None else timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(CLOSED, self._close_timeout, error)

    def __repr__(self) -> str:
        return f"<Service {self.name} {self.url or 'without a port'}>"

    # The beginning.

    def begin(self, handle_signals: bool) -> None:
        """Say that it is up; what `start_service` does last."""
        atexit.register(self._at_exit)
        if handle_signals:
            self._termination.install()
        self.events.emit(EventType.ENGINE_START, {"url": self.url, "pid": self._owner})
        self._parts.running.up = True
        self._say(logging.INFO, "service is up", {"url": self.url, "traces": self.tracing.on, "push": self.pushing.on})

    def abort(self) -> None:
        """Take back what belongs to it alone, after a start that has failed."""
        atexit.unregister(self._at_exit)
        self._termination.remove()
        self._counting.end()

    # The end.

    def _at_exit(self) -> None:
        # Python keeps there what has ended the program, once it has shown the traceback.
        self._close("exit", self._close_timeout, getattr(sys, "last_value", None))

    def _terminated(self, number: int) -> bool:
        self._signal = number
        if self._closer == threading.get_ident():
            return False
        self._close(NAME, self._close_timeout)
        return True

    def _close(self, reason: str, timeout: float, error: BaseException | None = None) -> bool:
        until = monotonic() + max(timeout, 0.0)
        if not self._first.acquire(blocking=False):
            return self._closed_elsewhere(until)
        self._closer = threading.get_ident()
        try:
            self._delivered = self._end(reason, max(timeout, 0.0), error)
        finally:
            self._over, self._closer = True, 0
            if self._signal and threading.current_thread() is threading.main_thread() and reason != NAME:
                end_by(self._signal)
        return self._delivered

    def _closed_elsewhere(self, until: float) -> bool:
        """Waits until another thread is done with it."""
        while not self._over and self._closer != threading.get_ident() and monotonic() < until:
            sleep(0.01)
        return self._delivered

    def _end(self, reason: str, timeout: float, error: BaseException | None) -> bool:
        parts = self._parts
        parts.running.up = False
        atexit.unregister(self._at_exit)
        if self._owner == os.getpid():
            self._say_end(_why(reason, error), error)
        ways_out = [box.close for box in _boxes(parts.logs)]
        delivered = _stepped(
            [parts.events.close, parts.pushing.close, parts.tracing.close, *ways_out, self._stop_serving], timeout
        )
        if reason == CLOSED:
            # Where the process ends, the handler stays: without one, `logging` would print what other threads still
            # log, secrets and all.
            _quietly(parts.logs.close)
        _quietly(self._counting.end)
        self._termination.remove()
        return delivered

    def _stop_serving(self, timeout: float) -> None:
        if self._parts.server is not None:
            self._parts.server.close(timeout)

    def _say_end(self, why: Mapping[str, str], error: BaseException | None) -> None:
        failed = why["reason"] == "exception"
        severity = EventSeverity.ERROR if failed else EventSeverity.INFO
        self.events.emit(EventType.ENGINE_STOP, why, severity=severity)
        self._say(logging.CRITICAL if failed else logging.INFO, "service ends", why, error if failed else None)

    def _say(self, level: int, what: str, fields: Mapping[str, Any], error: BaseException | None = None) -> None:
        """Writes a log line, to our own handler alone: a signal handler must not get into those of others."""
        logger = logging.getLogger(_LOGGER)
        if logger.isEnabledFor(level):
            cause = (type(error), error, error.__traceback__) if error is not None else None
            record = logger.makeRecord(_LOGGER, level, "", 0, what, (), cause, extra=dict(fields))
            _quietly(lambda: self.logs.handler.handle(record))


def _close_at_end(service: Service) -> None:
    from multiprocessing.util import Finalize

    Finalize(service, service.close, exitpriority=0)


def _why(reason: str, error: BaseException | None) -> dict[str, str]:
    """Why a service ends."""
    if isinstance(error, KeyboardInterrupt):
        return {"reason": "SIGINT"}
    if isinstance(error, Exception):
        return {"reason": "exception", "error": f"{type(error).__name__}: {redacted('', error)}"}
    return {"reason": reason}


def _stepped(steps: Sequence[_Step], timeout: float) -> bool:
    """Does one after the other, within a deadline for all of them; whether none says no."""
    until, reserve = monotonic() + timeout, timeout / 10
    done = True
    for after, step in zip(reversed(range(len(steps))), steps, strict=True):
        share = max(until - monotonic() - after * reserve, 0.0)
        done = _quietly(lambda step=step, share=share: step(share)) is not False and done  # type: ignore[misc]
    return done


def _quietly(do: Callable[[], object]) -> object:
    """What something gives; False when it raises."""
    try:
        return do()
    except Exception as error:
        # The end of a service is the last place where anything may raise.
        logging.getLogger(_LOGGER).warning("a part of the service does not end as it should", exc_info=error)
        return False


def _boxes(logs: Logs) -> list[Outbox[Entry]]:
    """What sends log lines, and what writes them."""
    return [box for box in (logs._otlp, logs._stdout) if box is not None]
