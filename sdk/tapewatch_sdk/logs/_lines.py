"""Log lines as JSON on standard output, or on any other stream."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TextIO

from tapewatch_sdk.logs._entry import Entry, level_name
from tapewatch_sdk.sending.outbox import Refused

__all__ = ["LineSender", "json_line"]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_TAKEN = frozenset(
    {
        "timestamp", "level", "service", "environment", "correlation_id", "trace_id", "span_id", "logger", "message",
        "exception",
    }
)  # fmt: skip


def json_line(entry: Entry, service: str, environment: str) -> str:
    """An entry as one line of JSON, without its end. A field whose name is taken gets a `_` behind it."""
    line: dict[str, object] = {
        "timestamp": _timestamp(entry.seconds),
        "level": level_name(entry.level),
        "service": service,
        "environment": environment,
    }
    if entry.correlation:
        line["correlation_id"] = entry.correlation
    if entry.trace is not None:
        line |= {"trace_id": entry.trace.trace_id, "span_id": entry.trace.span_id}
    line |= {"logger": entry.logger, "message": entry.message}
    line |= {f"{name}_" if name in _TAKEN else name: value for name, value in entry.fields.items()}
    if entry.exception:
        line["exception"] = entry.exception
    return _encode(line)


def _timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{int(seconds * 1000) % 1000:03d}Z"


class LineSender:
    """Writes lines to a stream, past its buffer where it has a file descriptor: no half line is left to a fork.

    Parameters:
        stream: such as `sys.stdout`.
        names: `service` and `environment`.
    """

    def __init__(self, stream: TextIO, names: Mapping[str, str]) -> None:
        self._stream = stream
        self._service = names.get("service", "")
        self._environment = names.get("environment", "")

    def send(self, batch: Sequence[Entry], /) -> None:
        """Writes a batch; waits for as long as the stream does not take it.

        Raises:
            Refused: the stream is closed, or a line cannot be made.
        """
        try:
            text = "".join(f"{json_line(entry, self._service, self._environment)}\n" for entry in batch)
            number = _descriptor(self._stream)
            if number is None:
                self._stream.write(text)
                self._stream.flush()
            else:
                _write(number, text.encode("utf-8", "backslashreplace"))
        except Exception as error:
            # To try again would be of no use, and hold up all lines behind these.
            raise Refused(f"{type(error).__name__}: {error}") from error


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, AttributeError):  # a stream in memory
        return None


def _write(number: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(number, left) :]
        except BlockingIOError:  # somebody has made it non-blocking
            select.select([], [number], [])
