"""One stream's sequence numbers: what is missing, what came twice, what came late."""

from __future__ import annotations

from enum import StrEnum
from operator import index
from typing import NamedTuple

from tapewatch_sdk.streams._locked import Locked

__all__ = ["WINDOW", "Arrival", "ArrivalKind", "SequenceTracker", "StreamStats"]

WINDOW = 1000
"""How far back a message may come from, in sequence numbers, unless given."""


class ArrivalKind(StrEnum):
    """What a message is, by its sequence number."""

    FIRST = "first"
    """The first one of the stream, or after `reset`."""
    IN_ORDER = "in_order"
    """The one that was due."""
    GAP = "gap"
    """One that is not due yet: those before it are missing."""
    LATE = "late"
    """One from before the newest that had not come yet, such as one that was missing."""
    DUPLICATE = "duplicate"
    """One that has come already."""
    RESET = "reset"
    """One so far back that the feed seems to have begun anew."""
    INVALID = "invalid"
    """No whole number."""
    UNTRACKED = "untracked"
    """One of a product beyond the number of products that are tracked."""


class Arrival(NamedTuple):
    """What `check` says.

    Parameters:
        kind: what the message is.
        gap: how many messages are missing before it; 0 unless it is a gap.
    """

    kind: ArrivalKind
    gap: int = 0


class StreamStats(NamedTuple):
    """The counts of a stream; they only rise, so that each can be a counter. A message is in one of the first seven.

    Parameters:
        in_order: messages that came when they were due, the first included.
        gaps: messages that came before others; so many gaps were found.
        late: messages that came after newer ones.
        duplicates: messages that had come already.
        resets: messages with which the feed began anew; counted when the next message shows it.
        strays: lone messages from too far back, between others that go on as before.
        invalid: messages without a whole number.
        missing: messages that gaps have left out; some of them may have come late.
        recovered: those of them that did.
    """

    in_order: int = 0
    gaps: int = 0
    late: int = 0
    duplicates: int = 0
    resets: int = 0
    strays: int = 0
    invalid: int = 0
    missing: int = 0
    recovered: int = 0

    @property
    def lost(self) -> int:
        """Messages that are missing to this moment."""
        return self.missing - self.recovered


_FIRST = Arrival(ArrivalKind.FIRST)
_IN_ORDER = Arrival(ArrivalKind.IN_ORDER)
_LATE = Arrival(ArrivalKind.LATE)
_DUPLICATE = Arrival(ArrivalKind.DUPLICATE)
_RESET = Arrival(ArrivalKind.RESET)
_INVALID = Arrival(ArrivalKind.INVALID)


class _Line:
    """One unbroken run of a feed's numbers, from a first message or a reset on.

    Remembered of the past is only what lies within the window: at most twice so many numbers.
    """

    __slots__ = ("absent", "early", "first", "newest")

    def __init__(self, first: int) -> None:
        self.first = self.newest = first
        self.absent: set[int] = set()
        """Numbers within the window that a gap left out and that have not come since."""
        self.early: set[int] = set()
        """Numbers before the first that came after it."""

    def skip_to(self, sequence: int, window: int) -> None:
        """Takes a number that is not due yet."""
        horizon = sequence - window
        if len(self.absent) > window:
            self.absent = {each for each in self.absent if each >= horizon}
        self.absent.update(range(max(self.newest + 1, horizon), sequence))
        self.newest = sequence


class SequenceTracker(Locked):
    """Follows the sequence numbers of one stream, of one product.

    A number that lies more than `window` before the newest begins the stream anew: a reset of the feed, and no gap. If
    the message after it goes on where the stream was before, it was a stray and the stream goes on as if it had not
    come. A feed that begins anew within its first `window` numbers, or at a higher number, cannot be told from
    duplicates or a gap: call `reset` when it is known, as after a new connection.

    May be used from several threads; none of its methods raises.

    Parameters:
        window: how far back, in sequence numbers, a message may come late, or twice; at least 1.

    Raises:
        ValueError: the window is below 1.
    """

    def __init__(self, window: int = WINDOW) -> None:
        if window < 1:
            raise ValueError(f"a window of at least one number is needed, not {window}")
        super().__init__()
        self._window = window
        self._line: _Line | None = None
        self._before: _Line | None = None
        self._in_order = self._gaps = self._late = self._duplicates = self._resets = self._strays = 0
        self._invalid = self._missing = self._recovered = 0

    def check(self, sequence: int) -> Arrival:
        """Take the sequence number of a message that has just come.

        Returns:
            What it is, and how many messages are missing before it.
        """
        with self._lock:
            line = self._line
            try:
                if line is not None and sequence == line.newest + 1 and self._before is None:
                    line.newest = index(sequence)
                    self._in_order += 1
                    return _IN_ORDER
                return self._check(index(sequence))
            except Exception:  # noqa: BLE001 -- whatever the feed has sent, the code that reads it goes on
                self._invalid += 1
                return _INVALID

    def _check(self, sequence: int) -> Arrival:
        if self._before is not None:
            self._decide(sequence, self._before)
        line = self._line
        if line is None:
            self._line = _Line(sequence)
            self._in_order += 1
            return _FIRST
        if sequence > line.newest:
            return self._ahead(line, sequence)
        if sequence < line.newest - self._window:
            self._line, self._before = _Line(sequence), line
            return _RESET
        return self._behind(line, sequence)

    def _decide(self, sequence: int, before: _Line) -> None:
        """The message after one from far back tells whether the feed began anew."""
        self._before = None
        if before.newest < sequence <= before.newest + self._window:
            self._line = before
            self._strays += 1
        else:
            self._resets += 1

    def _ahead(self, line: _Line, sequence: int) -> Arrival:
        gap = sequence - line.newest - 1
        if not gap:
            line.newest = sequence
            self._in_order += 1
            return _IN_ORDER
        line.skip_to(sequence, self._window)
        self._gaps += 1
        self._missing += gap
        return Arrival(ArrivalKind.GAP, gap)

    def _behind(self, line: _Line, sequence: int) -> Arrival:
        if sequence in line.absent:
            line.absent.discard(sequence)
            self._recovered += 1
        elif sequence < line.first and sequence not in line.early:
            line.early.add(sequence)
        else:
            self._duplicates += 1
            return _DUPLICATE
        self._late += 1
        return _LATE

    def reset(self) -> None:
        """The feed begins anew, with whatever number comes next. It is not counted among the resets that were found."""
        with self._lock:
            self._resets += self._before is not None
            self._line = self._before = None

    @property
    def newest(self) -> int | None:
        """The newest sequence number; None before the first."""
        line = self._line
        return line.newest if line is not None else None

    def stats(self) -> StreamStats:
        """The counts so far."""
        with self._lock:
            return StreamStats(
                self._in_order, self._gaps, self._late, self._duplicates, self._resets, self._strays, self._invalid,
                self._missing, self._recovered,
            )  # fmt: skip
