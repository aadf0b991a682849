"""When a history was away: the times at which it scraped nobody.

What is filled in is no hole any more, so nothing else has to remember how far a filling came, and one that was killed
half way goes on where it was.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from tapewatch.history.store import Reader, queries

__all__ = ["Hole", "holes"]


class Hole(NamedTuple):
    """A time in which nobody was scraped; neither end is in it."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()


def holes(reader: Reader, since: datetime, longest: float) -> list[Hole]:
    """The holes after a moment, the newest first: what is new is asked for most.

    What was pushed says nothing of whether we were there: it may have waited at its sender.

    Parameters:
        reader: of the store.
        since: how far back it is looked.
        longest: seconds without a scrape that are no hole.
    """
    found = reader.sql(
        "SELECT older, newer FROM (SELECT newer, lag(newer, 1, $since::TIMESTAMP) OVER (ORDER BY newer) AS older FROM "
        "(SELECT DISTINCT timestamp::TIMESTAMP AS newer FROM scrapes WHERE timestamp > $since::TIMESTAMP "
        "AND target != 'push')) WHERE newer - older > to_milliseconds($longest::BIGINT) ORDER BY newer DESC",
        {"since": queries.naive(since), "longest": round(1000 * longest)},
    )
    return [Hole(before, at) for before, at in found.rows]
