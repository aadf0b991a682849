"""What can go wrong with the store, as problems."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import duckdb

from tapewatch.history.store.contract import QueryError, StoreFullError, StoreGoneError
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = [
    "bad_row",
    "clash",
    "exporting",
    "failed",
    "foreign",
    "full",
    "gone",
    "is_full",
    "missing",
    "newer",
    "older",
    "opening",
    "query",
    "restoring",
]

_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def opening(path: Path, error: duckdb.Error | OSError) -> ProblemsError:
    """Why a file cannot be opened."""
    text = _first_line(error)
    if found := _HOLDER.search(str(error)):
        return _problem(
            "history/locked",
            path,
            f"{path} is open in process {found['pid']} ({Path(found['program']).name})",
            "one process writes, the others ask it",
            "end that process, or read through it with `tapewatch history sql`",
        )
    if "not a valid DuckDB" in str(error) or "No DuckDB file" in str(error):
        return _problem(
            "history/no-store",
            path,
            f"{path} is no DuckDB file",
            "the history is one DuckDB file",
            "set DUCKDB_PATH to another path, or move the file away",
        )
    if isinstance(error, OSError):
        return _problem(
            "history/unreadable",
            path,
            f"{path}: {error.strerror or error}",
            "the file and its folder must be readable and writable",
            "correct the path (DUCKDB_PATH), the owner or the permissions",
        )
    return _problem(
        "history/damaged",
        path,
        f"{path} cannot be read: {text}",
        "the file must be whole",
        "move it away together with its journal, and restore from an export with `tapewatch history restore`",
    )


def foreign(path: Path) -> ProblemsError:
    """The file is another program's database."""
    return _problem(
        "history/foreign",
        path,
        f"{path} is a DuckDB file with tables of something else",
        "the history has a file for itself",
        "set DUCKDB_PATH to another path",
    )


def missing(path: Path) -> ProblemsError:
    """There is no file."""
    return _problem(
        "history/missing",
        path,
        f"there is no {path}",
        "the history is one DuckDB file",
        "start `tapewatch history serve`, or give the path with --database (DUCKDB_PATH)",
    )


def newer(path: Path, found: int, known: int) -> ProblemsError:
    """The file was made by a later version of tapewatch."""
    return _problem(
        "history/newer",
        path,
        f"{path} has version {found} of the schema; this tapewatch knows versions up to {known}",
        "a store is opened by the version that made it, or a later one",
        "install that version, or set DUCKDB_PATH to another file",
    )


def older(path: Path, found: int, known: int) -> ProblemsError:
    """The file has an earlier schema, and is only to be read."""
    return _problem(
        "history/older",
        path,
        f"{path} has version {found} of the schema, and this tapewatch version {known}",
        "a store that is only read has the version of the one who reads it",
        "run `tapewatch history compact` once, which brings it to this version",
    )


def clash(table: str, summary: str, fix: str = "give the collector's table another name") -> ProblemsError:
    """A collector's table cannot be made."""
    return ProblemsError(
        [
            Problem(
                "history/table-clash",
                summary,
                "a table has one shape for as long as the store lives",
                fix,
                Place(path=table),
            )
        ]
    )


def bad_row(table: str, summary: str) -> ProblemsError:
    """A row does not fit its table."""
    return ProblemsError(
        [
            Problem(
                "history/bad-row",
                summary,
                "a row's table is defined, and its values have the columns' types",
                "correct the collector",
                Place(path=table),
            )
        ]
    )


def full(path: Path, reason: str) -> StoreFullError:
    """Nothing can be written just now."""
    return StoreFullError(
        [
            Problem(
                "history/full",
                f"{path.parent}: {reason}",
                "there must be room for what is written",
                "make room; writing resumes by itself",
                Place(file=str(path)),
            )
        ]
    )


def gone(socket: Path, error: OSError | None = None) -> StoreGoneError:
    """Nobody answers."""
    why = f": {error.strerror or error}" if error else ""
    return StoreGoneError(
        [
            Problem(
                "history/gone",
                f"no store answers at {socket}{why}",
                "the process that has the store open must run",
                "start it with `tapewatch history serve`",
                Place(file=str(socket)),
            )
        ]
    )


def failed(path: Path, error: duckdb.Error) -> ProblemsError:
    """Why something that was asked for could not be done with a file that is open."""
    if is_full(error):
        return full(path, "the disk is full")
    if isinstance(error, duckdb.OutOfMemoryException | duckdb.TransactionException):
        return _problem(
            "history/busy",
            path,
            f"{path}: {_first_line(error)}",
            "questions leave room for this",
            "do it again when they are answered",
        )
    return opening(path, error)


def query(code: str, summary: str, fix: str) -> QueryError:
    """A question that cannot be answered."""
    return QueryError([Problem(code, summary, "one statement that reads, within the limits", fix)])


def exporting(folder: Path, summary: str) -> ProblemsError:
    """An export cannot be written."""
    return _problem(
        "history/export",
        folder,
        f"{folder}: {summary}",
        "an export goes into a new folder, which is made",
        "give the name of a folder that is not there, on a disk with room",
    )


def restoring(folder: Path, summary: str) -> ProblemsError:
    """An export cannot be read."""
    return _problem(
        "history/bad-export",
        folder,
        f"{folder}: {summary}; nothing was restored",
        "an export is restored whole, as `tapewatch history export` wrote it",
        "take another export, or copy this one again",
    )


def is_full(error: BaseException) -> bool:
    """Whether it says that the disk, a quota or a limit on the file's size is exhausted."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    text = str(error)
    return "No space left" in text or "quota exceeded" in text or "File too large" in text


def _problem(code: str, path: Path, summary: str, must: str, fix: str) -> ProblemsError:
    return ProblemsError([Problem(code, summary, must, fix, Place(file=str(path)))])


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
