"""Which lane of a spool is whose: each process takes one that nobody holds, and looks after what others left."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tapewatch_sdk.events._lane import Lane

__all__ = ["orphan", "own_lane"]

MOST = 256
"""Processes that may share a folder."""


def own_lane(folder: Path, limit: int) -> Lane:
    """A lane for this process: the first that no other process holds.

    Raises:
        OSError: the folder cannot be used, or is shared by too many processes.
    """
    for number in range(MOST):
        try:
            return Lane(folder / f"lane-{number}", limit)
        except BlockingIOError:
            continue
    raise OSError(errno.EUSERS, os.strerror(errno.EUSERS), str(folder))


def orphan(folder: Path, limit: int, besides: Lane | None) -> Lane | None:
    """A lane with events in it whose process has ended, if there is one; it is held now."""
    for each in sorted(folder.glob("lane-*")):
        if besides is not None and each == besides.folder:
            continue
        try:
            lane = Lane(each, limit)
        except OSError:
            continue  # its process lives, or it cannot be read; the next look may find it otherwise
        if lane.pending:
            return lane
        lane.release()
    return None
