"""Switches the JSON log lines on and off."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import TextIO

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.logs._entry import Entry
from tapewatch_sdk.logs._handler import TapewatchHandler
from tapewatch_sdk.logs._lines import LineSender
from tapewatch_sdk.problems import Place, Problem
from tapewatch_sdk.sending.endpoint import checked_url, needs_opentelemetry
from tapewatch_sdk.sending.outbox import Counts, Outbox

__all__ = ["ENDPOINT", "Logs", "configure_logs", "get_logger"]

ENDPOINT = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"
"""Environment variable with the whole URL of the OTLP receiver for logs."""

QUEUE_SIZE = 4096
"""Lines that wait at most, for each of the two ways. A line takes some 1 KB."""

CLOSE_TIMEOUT = 2.0
"""Seconds that the end of the program may be held up for lines that wait, for each of the two ways."""

_LINE_LINGER = 0.02
"""Seconds that a line for standard output waits for others: far below what a person sees."""

_NOTHING = Counts(0, 0, 0, 0, 0)

_current: Logs | None = None


class Logs:
    """Logging as `configure_logs` has set it up.

    Parameters:
        stdout: writes the lines to a stream, if they are to be written.
        otlp: sends them, if they are to be sent.
    """

    def __init__(self, stdout: Outbox[Entry] | None, otlp: Outbox[Entry] | None) -> None:
        self._stdout = stdout
        self._otlp = otlp
        self._handler = TapewatchHandler([stdout] if stdout else [], [otlp] if otlp else [], CLOSE_TIMEOUT)

    @property
    def handler(self) -> logging.Handler:
        """The handler, for a logger that does not pass its lines on to the root."""
        return self._handler

    @property
    def written(self) -> Counts:
        """What became of the lines for standard output, in this process."""
        return self._stdout.counts if self._stdout else _NOTHING

    @property
    def sent(self) -> Counts:
        """What became of the lines for the OTLP endpoint, in this process."""
        return self._otlp.counts if self._otlp else _NOTHING

    @property
    def failures(self) -> int:
        """Lines that could not be made, in this process; it should stay 0."""
        return self._handler.failures

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all lines so far are out; False when that took either way longer than `timeout` seconds."""
        done = [box.flush(timeout) for box in (self._stdout, self._otlp) if box is not None]
        return all(done)

    def close(self) -> None:
        """Takes the handler off the root logger, and writes and sends what waits. `logging` does so at the end."""
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()


def configure_logs(
    service: str,
    environment: str = "",
    *,
    team: str = "",
    level: int | str = logging.INFO,
    stdout: TextIO | bool = True,
    endpoint: str | None = None,
    headers: Mapping[str, str] | None = None,
    queue_size: int = QUEUE_SIZE,
) -> Logs:
    """Makes JSON lines of everything that is logged with Python's `logging`, without secrets, in the background.

    Handlers of the root logger that print to a terminal or to standard output are taken off, since they would print
    each line once more, secrets and all; others stay. What was set up before is closed.

    Parameters:
        service, environment, team: who this is, as in the catalogue.
        level: lines below it are left out: a number or a name of `logging`.
        stdout: whether lines are written to standard output, or the stream that takes its place.
        endpoint: whole URL of an OTLP receiver, such as `http://loki:3100/otlp/v1/logs`; by default what
            `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` says. Without either, nothing is sent.
        headers: further headers, for authorisation; beside those of `OTEL_EXPORTER_OTLP_LOGS_HEADERS`.
        queue_size: how many lines wait at most, for each of the two ways.

    Raises:
        ProblemsError: there is no such level; an endpoint is given and the extra `otel` is not installed; its URL is
            wrong.
    """
    global _current
    number = _level(level)
    names = {"service": service, "environment": environment}
    resource = {**names, "service.name": service, "team": team}
    url = endpoint if endpoint is not None else os.environ.get(ENDPOINT, "")
    otlp = _sending(url, headers or {}, {key: value for key, value in resource.items() if value}, queue_size)
    made = Logs(_writing(stdout, names, queue_size), otlp)
    before, _current = _current, made
    root = logging.getLogger()
    for printing in [each for each in root.handlers if type(each) is logging.StreamHandler]:
        root.removeHandler(printing)
    root.addHandler(made.handler)
    root.setLevel(number)
    if before is not None:
        before.close()
    return made


def get_logger(name: str) -> logging.Logger:
    """A logger of Python's `logging`: fields go into `extra`, as in `log.info("filled", extra={"quantity": 3})`."""
    return logging.getLogger(name)


def _writing(stdout: TextIO | bool, names: Mapping[str, str], size: int) -> Outbox[Entry] | None:
    stream = sys.stdout if stdout is True else stdout
    if not stream:
        return None
    return Outbox("log lines", lambda: LineSender(stream, names), size=size, linger=_LINE_LINGER)


def _sending(endpoint: str, headers: Mapping[str, str], resource: Mapping[str, str], size: int) -> Outbox[Entry] | None:
    if not endpoint or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    checked_url(endpoint, ENDPOINT, "http://loki:3100/otlp/v1/logs")
    with needs_opentelemetry(endpoint):
        from tapewatch_sdk.logs._otlp import RecordSender
    return Outbox("log records", lambda: RecordSender(endpoint, headers, resource), size=size)


def _level(level: int | str) -> int:
    number = logging.getLevelNamesMapping().get(level.upper()) if isinstance(level, str) else level
    if isinstance(number, int):
        return number
    raise ProblemsError(
        [
            Problem(
                "logs/bad-level",
                f"{level!r} is no level of a log line",
                must="debug, info, warning, error, critical, or a number",
                fix="write `info`",
                where=Place(path="level"),
            )
        ]
    )
