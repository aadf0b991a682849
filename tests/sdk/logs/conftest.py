"""Logging into a stream and a receiver; the root logger is as before after each test."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sdk.tracing.otlp_receiver import OtlpReceiver
from tapewatch_sdk import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    yield logger
    for handler in [each for each in logger.handlers if each not in handlers]:
        handler.close()
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    """Takes the place of standard output."""
    return io.StringIO()


@pytest.fixture
def running(root: logging.Logger, stream: io.StringIO) -> Iterator[logs.Logs]:
    """Logging as it is configured for the service `risk-manager`."""
    made = logs.configure_logs("risk-manager", "test", level="debug", stdout=stream, endpoint="")
    yield made
    made.close()


@pytest.fixture
def apart(running: logs.Logs) -> logging.Logger:
    """A logger whose lines pytest's own handlers do not see: they do not stand everything."""
    logger = logging.Logger("apart")
    logger.addHandler(running.handler)
    return logger


@pytest.fixture
def lines(running: logs.Logs, stream: io.StringIO) -> Lines:
    """Gives the lines so far."""

    def written() -> list[dict[str, Any]]:
        assert running.flush()
        return [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]

    return written
