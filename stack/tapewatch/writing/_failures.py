"""What can go wrong on disk, as problems."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["COMMITTED", "UNCHANGED", "disk_problem", "disk_problems", "problem"]

UNCHANGED = "no file was changed"
COMMITTED = "the new set is recorded, and the next run completes it"

_CAUSES = {
    errno.ENOSPC: ("disk-full", "the disk is full", "make room, then run again"),
    errno.EDQUOT: ("disk-full", "the disk quota is used up", "make room, then run again"),
    errno.EROFS: ("read-only", "the file system is read-only", "mount it writable, or work in a copy of the project"),
    errno.EACCES: ("permission", "permission denied", "change the owner or the permissions, or run as their owner"),
    errno.EPERM: ("permission", "the operation is not permitted", "change the owner or attributes (chown, chattr)"),
    errno.EISDIR: ("in-the-way", "a folder stands where a file should be", "move the folder away"),
    errno.ENOTDIR: ("in-the-way", "a file stands where a folder should be", "move the file away"),
    errno.ELOOP: ("symlink", "a symbolic link leads in a circle", "remove the link"),
    errno.ENAMETOOLONG: ("bad-path", "the name is too long for the file system", "shorten the name"),
}


def problem(code: str, path: str, summary: str, must: str, fix: str) -> Problem:
    """A problem of the file `path`; the code gets the prefix `writing/`."""
    return Problem(f"writing/{code}", summary, must, fix, Place(file=path))


def disk_problem(error: OSError, path: str, state: str = UNCHANGED) -> Problem:
    """What the operating system refused.

    Parameters:
        error: its refusal.
        path: the file in question, relative to the root.
        state: what that means for the files.
    """
    fallback = ("disk", error.strerror or str(error), "check the file system")
    code, cause, fix = _CAUSES.get(error.errno or 0, fallback)
    return problem(code, path, f"{path}: {cause}; {state}", "the generated files must be writable", fix)


@contextmanager
def disk_problems(path: str, state: str = UNCHANGED) -> Iterator[None]:
    """Turns whatever the operating system refuses inside into a `ProblemsError` about the file `path`."""
    try:
        yield
    except OSError as error:
        raise ProblemsError([disk_problem(error, path, state)]) from error
