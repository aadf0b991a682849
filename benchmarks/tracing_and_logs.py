"""What a span and a log line cost the caller: the two that come to nothing have limits, the others are told."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from timeit import timeit
from typing import TextIO

from _measure import Figure, median, used_by
from tapewatch_sdk import logs, tracing
from tapewatch_sdk.tracing import span

NOBODY = "http://127.0.0.1:9/v1/traces"
"""The port of the discard protocol, where nobody listens: spans that are kept wait, and are dropped in the end."""

NOT_KEPT_LIMIT = 2.0
FILTERED_LIMIT = 0.3
"""Microseconds."""


def run() -> list[Figure]:
    """Microseconds a call, the best of five rounds; milliseconds of an import, the median of five processes."""
    return [*_spans(), *_logs(), *_imports()]


def _spans() -> list[Figure]:
    running = tracing.configure("benchmark", endpoint=NOBODY, sampling=0.0)
    try:
        figures = [
            Figure("span, trace not kept", _microseconds(_span), "us", NOT_KEPT_LIMIT),
            Figure("  with two attributes", _microseconds(_span_with_attributes), "us", NOT_KEPT_LIMIT),
        ]
        with span("around"):
            figures.append(Figure("  inside of another", _microseconds(_span), "us", NOT_KEPT_LIMIT))
        running = tracing.configure("benchmark", endpoint=NOBODY, sampling=1.0)
        figures.append(Figure("span, trace kept", _microseconds(_span_with_attributes, 5_000), "us"))
    finally:
        running.close()
    figures.append(Figure("span, tracing off", _microseconds(_span), "us", NOT_KEPT_LIMIT))
    return figures


def _logs() -> list[Figure]:
    with Path("/dev/null").open("w") as nowhere:
        running = logs.configure_logs("benchmark", stdout=nowhere, endpoint="", queue_size=100_000)
        try:
            return [
                Figure("log call, filtered out", _microseconds(_filtered), "us", FILTERED_LIMIT),
                Figure("log line with a field, as JSON", _microseconds(_line, 5_000), "us"),
                Figure("  the same by logging alone, as text", _microseconds(_plain_line(nowhere), 5_000), "us"),
            ]
        finally:
            running.close()


def _imports() -> list[Figure]:
    folder = Path.cwd()

    def milliseconds(module: str) -> float:
        return 1000 * median(lambda: used_by([sys.executable, "-c", f"import {module}"], folder).seconds)

    nothing = milliseconds("sys")
    return [
        Figure(f"import tapewatch_sdk.{name}", milliseconds(f"tapewatch_sdk.{name}") - nothing, "ms")
        for name in ("tracing", "logs", "serving")
    ]


def _microseconds(call: Callable[[], object], number: int = 100_000) -> float:
    return min(timeit(call, number=number) for _ in range(5)) / number * 1e6


def _span() -> None:
    with span("step"):
        pass


def _span_with_attributes() -> None:
    with span("step", symbol="BTC-USD", quantity=3):
        pass


_log = logs.get_logger("benchmark.orders")


def _filtered() -> None:
    _log.debug("order %s", 17)


def _line() -> None:
    _log.info("order %s placed at %s", 17, 3.5, extra={"symbol": "BTC-USD"})


def _plain_line(stream: TextIO) -> Callable[[], None]:
    logger = logging.Logger("plain")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.addHandler(handler)
    return lambda: logger.info("order %s placed at %s", 17, 3.5, extra={"symbol": "BTC-USD"})
