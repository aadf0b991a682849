"""The historian's own metrics."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Mapping

import psutil

from tapewatch.catalogue import Catalogue
from tapewatch.history.serving.process import SERVICE
from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["Audience", "Instruments"]

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})

TOLD_WITHIN = 5.0
"""Seconds within which a worker tells of its clients again; it does so each second."""

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Instruments:
    """What it measures with.

    Parameters:
        catalogue: declares what every service says of its host.
        disk: a path on the disk that the store is on.

    Attributes:
        registry: has all of them.
    """

    def __init__(self, catalogue: Catalogue, disk: str) -> None:
        self.registry = registry = MetricsRegistry("tapewatch_history")
        self._requests = registry.counter(
            "requests_total",
            "HTTP requests that were answered, by method, route and status.",
            ["method", "route", "status"],
        )
        self._seconds = registry.histogram(
            "request_duration_seconds", "How long an answer took, by route.", ["route"], buckets=_BUCKETS
        )
        self.clients = registry.gauge("websocket_clients", "Clients of the WebSocket.")
        self.sent = registry.counter("websocket_snapshots_sent_total", "Snapshots that were sent to clients.")
        self.skipped = registry.counter(
            "websocket_snapshots_skipped_total", "Snapshots that slow clients were not sent."
        )
        self.samples = registry.counter("samples_stored_total", "Samples that were stored.")
        self.events = registry.counter("events_stored_total", "Events that were stored.")
        self.refused = registry.counter("pushed_points_refused_total", "Pushed points that were not taken.")
        self.lost = registry.counter("rounds_lost_total", "Rounds of scrapes that could not be stored.")
        self.store_bytes = registry.gauge("store_bytes", "Bytes of the store on disk.")
        self.writing = registry.gauge("store_writing", "Whether the store takes what is written (1) or not (0).")
        self._host = _Host(catalogue, disk)
        registry.register(self._host.registry)

    def measure(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = method if method in _METHODS else "other"
        self._requests.inc(1, {"method": known, "route": route, "status": str(status)})
        self._seconds.observe(seconds, {"route": route})


class Audience:
    """The clients of the WebSocket, where workers have them.

    Parameters:
        instruments: count what they are sent.
        clock: seconds.
    """

    def __init__(self, instruments: Instruments, clock: Callable[[], float] = time.monotonic) -> None:
        self._instruments = instruments
        self._clock = clock
        self._workers: dict[int, tuple[float, int]] = {}

    def hear(self, worker: int, clients: int, sent: int, skipped: int) -> None:
        """A worker tells of its clients, and of the snapshots that they were sent, or not, since it told last."""
        self._workers[worker] = (self._clock(), clients)
        self._instruments.sent.inc(sent)
        self._instruments.skipped.inc(skipped)

    def __len__(self) -> int:
        """All of them; a worker that tells nothing is gone, and its clients with it."""
        now = self._clock()
        self._workers = {worker: told for worker, told in self._workers.items() if now - told[0] < TOLD_WITHIN}
        return sum(clients for _, clients in self._workers.values())


class _Host:
    """This host, in the families of the catalogue's domain `host`: those that it declares without labels."""

    def __init__(self, catalogue: Catalogue, disk: str) -> None:
        self._disk = disk
        self._began = time.monotonic()
        self.registry = MetricsRegistry()
        service = catalogue.services.get(SERVICE)
        emits = service.emits if service is not None else ("host",)
        self._gauges = {
            name: self.registry.gauge(name, family.help)
            for name, family in catalogue.families.items()
            if name in _READINGS and family.domain in emits and not family.labels
        }
        psutil.cpu_percent()  # the first one only begins to count
        self.registry.register_callback(self._read)

    def _read(self) -> None:
        readings: Mapping[str, float] = {
            "system_cpu_percent": psutil.cpu_percent(),
            "system_memory_percent": psutil.virtual_memory().percent,
            "system_disk_usage_percent": psutil.disk_usage(self._disk).percent,
            "system_uptime_seconds": time.monotonic() - self._began,
            "system_clock_offset_seconds": _clock_offset(),
        }
        for name, gauge in self._gauges.items():
            gauge.set(readings[name])


_READINGS = (
    "system_cpu_percent",
    "system_memory_percent",
    "system_disk_usage_percent",
    "system_uptime_seconds",
    "system_clock_offset_seconds",
)


class _Timex(ctypes.Structure):
    """`struct timex` of Linux, as far as it is read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


_NANOSECONDS = 0x2000
"""`STA_NANO`: the offset is in nanoseconds, not microseconds."""


def _clock_offset() -> float:
    """Seconds that the clock is off, as the kernel has it from whoever disciplines it; 0 where nobody does."""
    if os.name != "posix":
        return 0.0
    try:
        found = _Timex()
        if ctypes.CDLL(None).adjtimex(ctypes.byref(found)) < 0:
            return 0.0
    except (OSError, AttributeError):
        return 0.0
    return float(found.offset) * (1e-9 if found.status & _NANOSECONDS else 1e-6)
