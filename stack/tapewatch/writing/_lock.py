"""One writer at a time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tapewatch.writing._failures import disk_problems, problem
from tapewatch.writing._paths import STATE, Root
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["WAIT", "locked"]

WAIT = 5.0
"""Seconds to wait for another writer; writing a set takes far less than one."""

_PAUSE = 0.02


@contextmanager
def locked(root: Root, wait: float | None = None) -> Iterator[None]:
    """Holds the lock of the root. It ends with the last process that holds it, however that ends.

    Parameters:
        root: the project's folder.
        wait: seconds to wait for another writer; `WAIT` when not given.

    Raises:
        ProblemsError: another writer kept it, or the lock file cannot be written.
    """
    descriptor = _open(root)
    try:
        _acquire(descriptor, WAIT if wait is None else wait)
        yield
    finally:
        os.close(descriptor)


def _open(root: Root) -> int:
    if root.state.is_symlink():
        summary, must = f"{STATE} is a symbolic link", "it must be a folder on the file system of the project"
        raise ProblemsError([problem("symlink", STATE, summary, must, "remove the link, then run again")])
    with disk_problems(STATE):
        root.state.mkdir(exist_ok=True)
        # Not inherited by programs that are started, but shared with a forked child, which keeps the lock alive.
        return os.open(root.state / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)


def _acquire(descriptor: int, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise ProblemsError([_busy(descriptor)]) from None
            time.sleep(_PAUSE)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return


def _busy(descriptor: int) -> Problem:
    holder = os.pread(descriptor, 20, 0).decode("ascii", errors="replace") or "unknown"
    return problem(
        "locked",
        f"{STATE}/lock",
        f"another tapewatch (process {holder}) is writing these files",
        "only one command may write the generated files at a time",
        "wait until it has ended, then run again",
    )
