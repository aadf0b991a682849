"""A sink that keeps events on disk until their receiver has acknowledged them."""

from __future__ import annotations

import errno
import logging
import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread, current_thread
from time import monotonic
from typing import NamedTuple

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events._backoff import Backoff
from tapewatch_sdk.events._lane import Lane, SpoolFullError, content
from tapewatch_sdk.events._lanes import orphan, own_lane
from tapewatch_sdk.events._plain import text_of
from tapewatch_sdk.events._records import decoded, encoded, remark
from tapewatch_sdk.events._worker import wait_until
from tapewatch_sdk.events.event import Event
from tapewatch_sdk.events.sink import API_VERSION, EventsRefusedError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["SpoolStats", "SpooledSink"]

LOG = logging.getLogger("tapewatch_sdk.events")

LIMIT = 64 << 20
"""Bytes of a process's spool unless given: some 200,000 events."""

BATCH = 100
"""Events that are sent at once."""

LOOK_SECONDS = 30.0
"""An idle spool looks so often for what a process that ended has left."""


class SpoolStats(NamedTuple):
    """The state of a spool, and what it has done in this process.

    Parameters:
        pending: events on disk that are not acknowledged, of this process and of those whose rest it has taken over.
        size: bytes on disk.
        acknowledged: events that the receiver took.
        turned_away: events that were not kept because the spool was full; these are lost.
        refused: events that the receiver will never take; they stand in `refused.jsonl`.
        damaged: lines that the disk did not give back as they were written; they stand there too.
        retried: how often sending failed.
        failing: why it failed last; empty when it did not.
    """

    pending: int
    size: int
    acknowledged: int
    turned_away: int
    refused: int
    damaged: int
    retried: int
    failing: str


class SpooledSink:
    """Writes events to disk, and sends them from there, in order, until each is acknowledged: for the audit trail.

    An event is acknowledged when `send` returns; killed before that, it is sent again by the next process that has the
    same folder. So each arrives at least once, and its `id` tells what arrived twice. Several processes may share a
    folder; each keeps its own order.

    **What can be lost.** Each batch is forced to the disk (fsync) before the next is taken. A killed process loses what
    it published in its last 5 ms or so; a power cut loses that and the batch that was being forced, milliseconds more
    on a disk that is not overloaded. While the disk refuses, events wait in the bus, as many as its queue has room for.
    When the spool has reached its limit, because nothing was acknowledged for long, new events are turned away, counted
    and logged; what is already there is never thrown away.

    Parameters:
        folder: where to keep them; made where it is missing, readable by this user alone.
        send: takes events to the receiver and returns when it has them. Raises `EventsRefusedError` when it will never
            take them: the batch is then sent one by one, and those refused are set aside in `refused.jsonl`. Whatever
            else it raises, the same events are sent again, after pauses from 0.2 to 30 s.
        limit: bytes that this process may keep there; the same again for what is set aside.
        name: for logs and figures.

    Raises:
        ProblemsError: the folder cannot be used, with the code `events/spool`.
    """

    api_version = API_VERSION

    def __init__(
        self,
        folder: str | os.PathLike[str],
        send: Callable[[Sequence[Event]], object],
        *,
        limit: int = LIMIT,
        name: str = "spool",
    ) -> None:
        self.name = name
        self._folder = Path(folder).absolute()
        self._hand_on = send
        self._limit = limit
        self._lane: Lane | None = None
        self._adopted: Lane | None = None
        self._stopped = False
        self._reset()
        try:
            self._lane = own_lane(self._folder, limit)
        except OSError as error:
            raise _unusable(self._folder, error) from error
        _sinks.add(self)
        if self._lane.pending or any(each.parent != self._lane.folder for each in self._folder.glob("lane-*/*.jsonl")):
            self._start()

    def _reset(self) -> None:
        """Makes all that belongs to one process."""
        self._writing = Lock()
        self._work, self._hurry = Flag(), Flag()
        self._thread: Thread | None = None
        self._look_after = 0.0
        self._backoff = Backoff()
        self._singly = 0
        self._full = False
        self._failing = ""
        self._acknowledged = self._turned_away = self._refused = self._damaged = self._retried = 0

    def _after_fork(self) -> None:
        for lane in (self._lane, self._adopted):
            if lane is not None:
                lane.drop()
        self._lane = self._adopted = None
        self._reset()

    # Keeping.

    def send(self, events: Sequence[Event]) -> None:
        """Keep events; they are on the disk when this returns, all or none.

        Raises:
            EventsRefusedError: the spool is full; they are counted.
            OSError: the disk refuses.
        """
        if not events:
            return
        lines = [encoded(event) for event in events]
        with self._writing:
            if self._stopped:
                raise EventsRefusedError(f"the spool in {self._folder} is closed")
            if self._lane is None:
                self._lane = own_lane(self._folder, self._limit)  # in a forked child, which has none yet
            try:
                self._lane.append(lines)
            except SpoolFullError:
                self._turn_away(len(lines))
                raise EventsRefusedError(f"the spool in {self._folder} is full; {len(lines)} events are lost") from None
            self._full = False
            self._start()
        self._work.set()

    def _turn_away(self, count: int) -> None:
        self._turned_away += count
        if not self._full:
            self._full = True
            LOG.error(
                "event spool %s has reached its %d bytes (%s); until some are acknowledged, new events are lost",
                self._folder, self._limit, self._failing or "the receiver is too slow",
            )  # fmt: skip

    # Passing on.

    def _start(self) -> None:
        if self._thread is None and not self._stopped:
            thread = Thread(target=self._run, args=(self._hurry,), name=f"events-{self.name}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads: the events are on disk, and the next batch tries again
                return
            self._thread = thread

    def _run(self, hurry: Flag) -> None:
        while hurry is self._hurry and not self._stopped:  # another flag: this is a child of the process it began in
            self._work.clear()
            lane = self._next_lane()
            if lane is None:
                self._work.wait(LOOK_SECONDS)
            elif pause := self._pass_on(lane):
                hurry.wait(pause)
                hurry.clear()
        if hurry is self._hurry:
            self._release()

    def _next_lane(self) -> Lane | None:
        """The lane to send from: what an ended process left comes first, because it is older."""
        if self._adopted is not None and not self._adopted.pending:
            self._adopted.release()
            self._adopted, self._look_after = None, 0.0
        if self._adopted is None and monotonic() >= self._look_after:
            self._adopted = orphan(self._folder, self._limit, besides=self._lane)
            self._look_after = monotonic() + LOOK_SECONDS
        if self._adopted is not None:
            return self._adopted
        return self._lane if self._lane is not None and self._lane.pending else None

    def _pass_on(self, lane: Lane) -> float:
        """Sends a batch; seconds to wait until the next one."""
        try:
            piece = lane.read(1 if self._singly else BATCH)
            found = [decoded(json) if (json := content(line)) is not None else None for line in piece.lines]
            if not found:
                return 0.0
            taken = self._offer([event for event in found if event is not None])
            if taken is None:
                self._singly = len(found)
                return 0.0
            for line in (line for line, event in zip(piece.lines, found, strict=True) if event is None):
                self._set_aside(remark("damaged", line=line.decode(errors="backslashreplace")))
                self._damaged += 1
            self._acknowledged += taken
            lane.acknowledge(piece)
        except BaseException as error:  # noqa: BLE001 -- nothing may end this thread: events are waiting
            return self._failed(error)
        self._singly = max(self._singly - len(found), 0)
        self._worked()
        return 0.0

    def _offer(self, events: Sequence[Event]) -> int | None:
        """How many of these events the receiver took; None when they must be sent one by one to find out."""
        if not events:
            return 0
        try:
            self._hand_on(events)
        except EventsRefusedError as error:
            if len(events) > 1:
                return None
            self._set_aside(remark(text_of(error), event=events[0].to_dict()))
            self._refused += 1
            LOG.error("event %s was refused and is set aside: %s", events[0].id, error)
            return 0
        return len(events)

    def _set_aside(self, line: bytes) -> None:
        file = os.open(self._folder / "refused.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            if size + len(line) > self._limit:
                raise OSError(errno.ENOSPC, f"refused.jsonl has reached its {self._limit} bytes", str(self._folder))
            if os.write(file, line) < len(line):
                os.ftruncate(file, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
            os.fsync(file)
        finally:
            os.close(file)

    def _failed(self, error: BaseException) -> float:
        self._retried += 1
        if not self._failing:
            LOG.warning("events of %s cannot be sent now (%s); they are kept and sent again", self._folder, error)
        self._failing = f"{type(error).__name__}: {text_of(error)}"
        return self._backoff.next()

    def _worked(self) -> None:
        if self._failing:
            LOG.warning("events of %s are sent again; %d are waiting", self._folder, self._pending)
        self._failing = ""
        self._backoff.reset()

    # Looking at it, and the end.

    @property
    def _pending(self) -> int:
        return sum(lane.pending for lane in (self._lane, self._adopted) if lane is not None)

    def stats(self) -> SpoolStats:
        """The state of the spool, and what it has done in this process."""
        size = sum(lane.size for lane in (self._lane, self._adopted) if lane is not None)
        return SpoolStats(
            self._pending, size, self._acknowledged, self._turned_away, self._refused, self._damaged, self._retried,
            self._failing,
        )  # fmt: skip

    def flush(self, timeout: float = 5.0) -> bool:
        """Send now, without waiting for the end of a pause, until everything is acknowledged.

        Parameters:
            timeout: seconds to wait at most.

        Returns:
            Whether everything was acknowledged in time.
        """
        self._backoff.reset()
        self._work.set()
        self._hurry.set()
        return wait_until(lambda: not self._pending, timeout)

    def close(self, timeout: float = 1.0) -> bool:
        """Send what can be sent in the time, then stop; what is left stays on the disk for the next process.

        Parameters:
            timeout: seconds to wait at most.

        Returns:
            Whether everything was acknowledged in time.
        """
        until = monotonic() + timeout
        done = self.flush(timeout)
        with self._writing:
            self._stopped = True
            thread = self._thread
        self._work.set()
        self._hurry.set()
        if thread is None:
            self._release()
        elif thread is not current_thread():
            thread.join(max(until - monotonic(), 0.0))
        return done

    def _release(self) -> None:
        with self._writing:
            for lane in (self._lane, self._adopted):
                if lane is not None:
                    lane.release()
            self._lane = self._adopted = None


def _unusable(folder: Path, error: OSError) -> ProblemsError:
    return ProblemsError(
        [
            Problem(
                code="events/spool",
                summary=f"events cannot be kept in {folder}: {error.strerror or error}",
                must="the folder of a spool can be written and locked, by one user, on a local disk",
                fix="name another folder, or change its owner and mode",
                where=Place(file=str(folder)),
            )
        ]
    )


_sinks: weakref.WeakSet[SpooledSink] = weakref.WeakSet()


def _after_fork() -> None:
    for sink in list(_sinks):
        sink._after_fork()


os.register_at_fork(after_in_child=_after_fork)
