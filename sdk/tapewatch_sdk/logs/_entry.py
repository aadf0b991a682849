"""A log line as data, made where the line is logged: what it says must not change while it waits to be written."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from tapewatch_sdk.logs.redaction import MAX_ITEMS, MAX_NAME, encodable, redacted, redacted_text
from tapewatch_sdk.tracing import TraceContext, correlation_id, current

__all__ = ["Entry", "level_name", "make_entry"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "message", "taskName"}
"""What a record has by itself; all else was given as `extra`."""

_FRAMES = 30
"""Frames of a traceback that are kept, counted from where the error was raised."""

_LEVELS: Mapping[int, str] = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
    logging.CRITICAL: "critical",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One log line, without secrets.

    Parameters:
        seconds: when, since 1970.
        level: as the `logging` module numbers it.
        logger: the logger's name.
        message: what is said.
        correlation: the correlation id; empty for none.
        trace: the place in a trace; None for none.
        fields: what was given beside the message, as plain data.
        exception: type, message and traceback; empty for none.
    """

    seconds: float
    level: int
    logger: str
    message: str
    correlation: str
    trace: TraceContext | None
    fields: Mapping[str, object]
    exception: Mapping[str, str]


def level_name(level: int) -> str:
    """The name of a level; one of its own has the name of the next lower one."""
    return _LEVELS.get(level) or _LEVELS[max((each for each in _LEVELS if each <= level), default=logging.DEBUG)]


def make_entry(record: logging.LogRecord) -> Entry:
    """The entry of a record."""
    return Entry(
        seconds=record.created,
        level=record.levelno,
        logger=encodable(record.name),
        message=_message(record),
        correlation=encodable(correlation_id()),
        trace=current(),
        fields=_fields(record),
        exception=_exception(record),
    )


def _message(record: logging.LogRecord) -> str:
    try:
        return redacted_text(record.getMessage())
    except Exception:  # noqa: BLE001 -- arguments that do not fit the message, or cannot be shown
        return f"{redacted('', record.msg)} {redacted('', record.args)}"


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    given = vars(record)
    names = [name for name in given if name not in _OWN][:MAX_ITEMS]
    return {encodable(name[:MAX_NAME]): redacted(name, given[name]) for name in names}


def _exception(record: logging.LogRecord) -> Mapping[str, str]:
    kind, error, _ = record.exc_info or (None, None, None)
    if kind is None or error is None:
        return {"stack": redacted_text(record.stack_info)} if record.stack_info else {}
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "message": str(redacted("", error)),
        "traceback": _traceback(error),
    }


def _traceback(error: BaseException) -> str:
    try:
        return redacted_text("".join(traceback.format_exception(error, limit=-_FRAMES)))
    except Exception:  # noqa: BLE001 -- an error whose text cannot be had
        return "".join(traceback.format_tb(error.__traceback__, limit=-_FRAMES))
