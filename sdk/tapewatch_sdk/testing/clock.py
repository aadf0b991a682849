"""A clock that stands still until a test moves it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

__all__ = ["FakeClock"]

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeClock:
    """What the SDK takes for the time, while it is `installed`.

    It drives what goes into values: the durations of timers (`histogram.time()`, also as a decorator), the timestamps
    and ids of events, the timestamps of samples, exemplars and pushed batches. It does not drive what waits: retries,
    deadlines, the checks and the server, the tries of sinks and exporters go on in real time, because their threads
    would never wake up. Nor does it drive what other packages read: spans (OpenTelemetry), log records (`logging`) and
    a program's own `time.time()`.

    Parameters:
        start: the time at the beginning.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return self._start + timedelta(seconds=self._passed)

    def time(self) -> float:
        """The time in seconds since 1970."""
        return self._start.timestamp() + self._passed

    def time_ns(self) -> int:
        """The time in nanoseconds since 1970."""
        return round(self.time() * 1e9)

    def perf_counter(self) -> float:
        """Seconds since the clock was made."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: less than none.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds}")
        self._passed += seconds

    @contextmanager
    def installed(self) -> Iterator[FakeClock]:
        """In this block the SDK goes by this clock, in all threads."""
        seconds: Any = SimpleNamespace(**{**vars(time), "time": self.time, "time_ns": self.time_ns})
        fakes: dict[str, Any] = {
            "perf_counter": self.perf_counter, "datetime": _datetime_of(self), "time_ns": self.time_ns, "time": seconds,
        }  # fmt: skip
        patches = [patch.object(import_module(module), name, fakes[name]) for module, name in DRIVEN]
        try:
            for each in patches:
                each.start()
            yield self
        finally:
            for each in patches:
                each.stop()


DRIVEN = (
    ("tapewatch_sdk.instruments.timer", "perf_counter"),
    ("tapewatch_sdk.instruments._instrument", "time"),
    ("tapewatch_sdk.instruments._interop", "time"),
    ("tapewatch_sdk.instruments.histogram", "time"),
    ("tapewatch_sdk.events.event", "datetime"),
    ("tapewatch_sdk.events._ids", "time_ns"),
    ("tapewatch_sdk.exporters._reading", "time"),
)
"""Where the SDK reads the time that goes into values: module, and the name under which it has the clock there."""


def _datetime_of(clock: FakeClock) -> type[datetime]:
    """`datetime` with another present. What it makes are plain datetimes, and every datetime counts as one of it."""

    class Meta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, datetime)

    class Driven(datetime, metaclass=Meta):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return datetime(*args, **kwargs)

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return clock.now.astimezone(tz) if tz else clock.now.astimezone().replace(tzinfo=None)

        @classmethod
        def fromisoformat(cls, date_string: str, /) -> Any:
            return datetime.fromisoformat(date_string)

    return Driven
