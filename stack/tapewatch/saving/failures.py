"""What can go wrong with a backup, as problems."""

from __future__ import annotations

import errno
from pathlib import Path

from tapewatch_sdk.errors import ProblemsError, ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = [
    "changed",
    "disk",
    "is_there",
    "missing_extra",
    "no_backup",
    "no_key",
    "no_such_place",
    "not_empty",
    "part_failed",
    "running",
    "store",
    "too_new",
    "wrong_key",
]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def disk(path: str, error: OSError) -> ProblemsError:
    """The target cannot be written."""
    if error.errno in _FULL:
        return _error(
            "backup/full",
            path,
            f"{path} has no room for the backup: {error.strerror}; what was written of it was removed again",
            "the target has room for the whole backup",
            "make room, or give another target",
        )
    return _error(
        "backup/target",
        path,
        f"{path}: {error.strerror or error}; what was written of the backup was removed again",
        "the target is a folder that this user may write to, or is made",
        "correct the path or the permissions",
    )


def store(url: str, reason: str) -> ToolError:
    """The object store did not do what it was asked for."""
    return ToolError(
        [
            Problem(
                "backup/store",
                f"{url}: {reason}",
                "the object store answers, has the bucket, and takes the key",
                "mend what it names: --endpoint, --region, --credentials-file, or the bucket",
                Place(path=url),
            )
        ]
    )


def missing_extra(package: str) -> ToolError:
    """A library of the extra is not installed."""
    return ToolError(
        [
            Problem(
                "backup/extra",
                f"the library {package} is not installed",
                "encryption and object stores come with the extra `backup`",
                "run `pip install 'tapewatch[backup]'`",
                Place(path=package),
            )
        ]
    )


def no_key(summary: str, file: str = "") -> ProblemsError:
    """There is no key to encrypt or to read with."""
    return _error(
        "backup/no-key",
        file,
        summary,
        "a backup is encrypted with a key in a file: a line that begins with AGE-SECRET-KEY-1",
        "give --key-file FILE; --make-key makes one where there is none; --unencrypted does without",
    )


def wrong_key(name: str, file: str) -> ProblemsError:
    """The key opens something else."""
    return _error(
        "backup/wrong-key",
        file,
        f"the key in {file} does not open the backup {name}; nothing was touched",
        "a backup is opened with the key that it was made with",
        "give the file with that key: --key-file FILE",
    )


def changed(name: str, file: str, summary: str) -> ProblemsError:
    """What is there is not what was written."""
    return _error(
        "backup/changed",
        file,
        f"{summary} in the backup {name}; nothing was touched",
        "every file of a backup has the size and the SHA-256 that its manifest says",
        "take another backup: --backup NAME, or copy this one again",
    )


def too_new(name: str, found: object) -> ProblemsError:
    """A later version made it."""
    return _error(
        "backup/newer",
        name,
        f"the backup {name} has format {found}, which this tapewatch does not know",
        "a backup is read by the version that made it, or a later one",
        "install that version",
    )


def no_backup(where: str, name: str, known: list[str]) -> ProblemsError:
    """There is none, or none of that name."""
    there = f"there are {', '.join(known[-5:])}" if known else "there is no whole backup"
    what = f"no backup {name}" if name else "no backup"
    return _error(
        "backup/none",
        where,
        f"{where} holds {what}; {there}",
        "a folder or prefix that `tapewatch backup` wrote; one that was interrupted does not count",
        "correct the place, or --backup",
    )


def is_there(where: str, name: str) -> ProblemsError:
    """A backup of this second is there."""
    return _error("backup/exists", where, f"{where} holds a backup {name} already", "each has a name of its own",
                  "try again in a second")  # fmt: skip


def part_failed(part: str, reason: str) -> ToolError:
    """A part's data cannot be read or written."""
    return ToolError(
        [
            Problem(
                "backup/part",
                f"the data of {part}: {reason}",
                "this user may read and write the part's folder or volume, and it does not change too fast",
                "mend what is named; in /var/lib run it as root",
                Place(path=part),
            )
        ]
    )


def no_such_place(folder: Path) -> ProblemsError:
    """There is no data."""
    return _error(
        "backup/no-data",
        str(folder),
        f"{folder} holds no data of the stack",
        "a folder with a folder for each part, such as /var/lib/tapewatch or data/embedded/data",
        "correct --data; without it the stack in containers is meant",
    )


def running(part: str, where: str) -> ProblemsError:
    """A server has its data open."""
    return _error(
        "backup/running",
        where,
        f"{part} runs: {where}; nothing was touched",
        "nobody uses the data while it is replaced",
        "stop the stack (`tapewatch down`, Ctrl-C, or `systemctl stop`) and try again",
    )


def not_empty(parts: list[str], where: str) -> ProblemsError:
    """There is data already."""
    return _error(
        "backup/not-empty",
        where,
        f"{where} has data of {', '.join(parts)} already; nothing was touched",
        "a backup is restored into an empty place",
        "add --replace to have the backup's data instead, or restore into another place with --data",
    )


def _error(code: str, file: str, summary: str, must: str, fix: str) -> ProblemsError:
    return ProblemsError([Problem(code, summary, must, fix, Place(file=file))])
