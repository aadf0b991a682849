"""What the suite of exporters exports: a registry with a few values, and who reads it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tapewatch_sdk.exporters._reading import Reader
from tapewatch_sdk.exporters.contract import Batch, Collects
from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["OWN", "RegistrySource", "filled_registry", "logged", "raised"]

OWN = {"service": "suite", "team": "tests", "environment": "here"}
"""The service's own labels, which every series carries."""


class RegistrySource:
    """The values of a registry, and who read them."""

    def __init__(self, registry: MetricsRegistry, own: Mapping[str, str] = OWN) -> None:
        self._reader = Reader(registry, dict(own), self.interval, self.buffer)
        self._registry = registry
        self.readers: list[int] = []

    @property
    def interval(self) -> float:
        return 60.0

    @property
    def buffer(self) -> int:
        return 40

    @property
    def registry(self) -> Collects:
        return self._registry

    def read(self) -> Batch:
        self.readers.append(threading.get_ident())
        return self._reader.read()


def filled_registry() -> MetricsRegistry:
    registry = MetricsRegistry()
    registry.counter("suite_orders_total", "Orders.", ["side"]).inc(3, {"side": "buy"})
    registry.gauge("suite_temperature_celsius", "Temperature.").set(21.5)
    registry.histogram("suite_latency_seconds", "Latency.", buckets=(0.1, 1.0)).observe(0.25)
    return registry


def raised(function: Callable[[], object]) -> str:
    """What a call raised, in words; empty when nothing."""
    try:
        function()
    except Exception as error:  # noqa: BLE001 -- whatever it raises
        return f"{type(error).__name__}: {error}"
    return ""


@contextmanager
def logged() -> Iterator[list[str]]:
    """Every log line of the process, the tracebacks too."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Keeper(logging.DEBUG)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
