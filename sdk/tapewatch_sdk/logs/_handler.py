"""The handler that stands at the root of `logging`."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tapewatch_sdk.logs._entry import Entry, make_entry
from tapewatch_sdk.sending.outbox import Outbox, is_worker

__all__ = ["TapewatchHandler"]

_OURS = "tapewatch_sdk."


class TapewatchHandler(logging.Handler):
    """Hands log lines to outboxes: one for standard output, one for OTLP.

    Parameters:
        local: those whose lines stay on this machine.
        remote: those whose lines are sent; what a sending thread itself logs is not sent again.
        close_timeout: seconds that the end of the program may be held up for lines that wait.
    """

    def __init__(self, local: Sequence[Outbox[Entry]], remote: Sequence[Outbox[Entry]], close_timeout: float) -> None:
        super().__init__()
        self._local = tuple(local)
        self._all = (*local, *remote)
        self._close_timeout = close_timeout
        self.failures = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Hands a line over. It neither raises nor waits for anything."""
        try:
            boxes = self._all
            if is_worker():
                # What the libraries below say of each failure is left out: the outbox says it once.
                boxes = self._local if record.name.startswith(_OURS) else ()
            if boxes:
                entry = make_entry(record)
                for box in boxes:
                    box.put(entry)
        except Exception:  # noqa: BLE001 -- nothing of ours reaches the caller
            self.failures += 1

    def flush(self) -> None:
        """Does nothing: `logging` calls it at its end, just before `close`, which has a deadline."""

    def close(self) -> None:
        """Sends what waits; `logging` calls it when the program ends."""
        for box in self._all:
            box.close(self._close_timeout)
        super().close()
