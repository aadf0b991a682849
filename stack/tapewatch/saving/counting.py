"""How many rows a history holds up to a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from tapewatch.saving.places import HistoryStore

__all__ = ["TABLES", "Counted", "counted"]

TABLES = {"samples": "trading_metrics", "events": "system_events"}
"""What is counted, and the table that shows it."""


@dataclass(frozen=True)
class Counted:
    """The rows of a table up to a moment.

    Parameters:
        rows: how many there are.
        newest, oldest: of when the newest and the oldest are, in seconds of the epoch; 0 where there are none.
    """

    rows: int
    newest: float
    oldest: float


def counted(history: HistoryStore, what: str, at: datetime) -> Counted:
    """Count them.

    Parameters:
        history: is asked.
        what: one of `TABLES`.
        at: the moment; rows of a later one are left out.

    Raises:
        ProblemsError: it cannot be asked.
    """
    moment = f"TIMESTAMP '{at.astimezone(UTC).replace(tzinfo=None).isoformat(' ')}'"
    when = "timestamp::TIMESTAMP"
    ((rows, newest, oldest),) = history.ask(
        f"SELECT count(*), epoch(max({when})), epoch(min({when})) FROM {TABLES[what]} WHERE timestamp <= {moment}"  # noqa: S608
    )
    return Counted(int(rows), float(newest or 0.0), float(oldest or 0.0))
