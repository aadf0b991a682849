"""From staged files to files in place: the journal decides which of the two sets is the true one."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tapewatch.writing._failures import COMMITTED, disk_problems, problem
from tapewatch.writing._lock import locked
from tapewatch.writing._paths import STATE, Root, malformed
from tapewatch_sdk.errors import ProblemsError

__all__ = ["complete_leftovers", "recover", "write_set"]

_FILE_MODE = 0o644
_FOLDER_MODE = 0o755
"""Readable for everyone whatever the umask says: the servers in the containers run as users of their own."""

_JOURNAL = "journal.json"
_STAGING = "staging-"


@dataclass(frozen=True, slots=True)
class _Journal:
    """What is to be done: the n-th file is staged under the name n; `removed` leave the set."""

    staging: str
    files: list[str]
    removed: list[str]


def recover(root: Path) -> bool:
    """Bring an interrupted write to its end; every command that reads or writes the files calls this first.

    Parameters:
        root: the project's folder.

    Returns:
        Whether a new set was completed.

    Raises:
        ProblemsError: another command is writing, or the files cannot be put in place.
    """
    place = Root(root)
    if (place.state / _JOURNAL).exists():
        with locked(place):
            return complete_leftovers(place)
    if any(place.state.glob(f"{_STAGING}*")):
        _clear_if_nobody_writes(place)
    return False


def _clear_if_nobody_writes(root: Root) -> None:
    try:
        with locked(root, wait=0):
            complete_leftovers(root)
    except ProblemsError:
        return  # the staged files belong to a writer at work, or the disk is read-only; they do no harm


def complete_leftovers(root: Root) -> bool:
    """As `recover`, for who holds the lock."""
    committed = (root.state / _JOURNAL).exists()
    if committed:
        _complete(root)
    for staging in root.state.glob(f"{_STAGING}*"):
        shutil.rmtree(staging, ignore_errors=True)
    return committed


def write_set(root: Root, files: Mapping[str, str], removed: Sequence[str]) -> None:
    """Write `files` and remove `removed`, all or nothing; the caller holds the lock.

    Raises:
        ProblemsError: the disk refused; before the commit nothing has changed then.
    """
    for path in (*files, *removed):
        _check_writable(root, path)
    with disk_problems(STATE):
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=root.state))
    try:
        _stage(staging, files)
        _commit(root, _Journal(staging.name, list(files), list(removed)))
    except BaseException:
        if not (root.state / _JOURNAL).exists():
            shutil.rmtree(staging, ignore_errors=True)
        raise
    _complete_detached(root)


def _check_writable(root: Root, path: str) -> None:
    """Finds a folder that refuses before the commit rather than after it."""
    parent = root.inside(path).parent
    while not parent.exists():
        parent = parent.parent
    if parent.is_dir() and not os.access(parent, os.W_OK | os.X_OK):
        with disk_problems(path), tempfile.NamedTemporaryFile(dir=parent, prefix=".tapewatch-"):
            pass  # only the attempt tells why


def _stage(staging: Path, files: Mapping[str, str]) -> None:
    for number, (path, text) in enumerate(files.items()):
        with disk_problems(path):
            _write_flushed(staging / str(number), text)
    with disk_problems(STATE):
        _flush_folder(staging)


def _commit(root: Root, journal: _Journal) -> None:
    draft = root.state / journal.staging / _JOURNAL
    with disk_problems(STATE):
        _write_flushed(draft, json.dumps(asdict(journal)))
        draft.replace(root.state / _JOURNAL)
    # From here on the new set is the true one; should this flush fail, a power cut may still bring the old one back.
    with disk_problems(STATE, COMMITTED):
        _flush_folder(root.state)


def _complete_detached(root: Root) -> None:
    """Completes the set in a session of its own, so that killing this process leaves no mixture.

    A process with several threads does it itself: a lock that another thread holds would stay held in the child.
    """
    if hasattr(os, "fork") and threading.active_count() == 1:
        child = os.fork()
        if child == 0:
            _complete_and_exit(root)
        os.waitpid(child, 0)
    if (root.state / _JOURNAL).exists():  # no child, or it failed: what it could not do says here why
        complete_leftovers(root)


def _complete_and_exit(root: Root) -> None:
    try:
        os.setsid()
        complete_leftovers(root)
    except (OSError, ProblemsError):
        pass  # the parent tries again and tells
    finally:
        os._exit(0)  # the parent's buffers and exit handlers are not ours to run


def _complete(root: Root) -> None:
    journal = _read(root)
    staging = root.state / journal.staging
    touched: set[Path] = set()
    blocking = _blocking(journal)
    for path in blocking:
        _remove(root, path, touched)
    for number, path in enumerate(journal.files):
        with disk_problems(path, COMMITTED):
            _put_in_place(root, staging / str(number), path, touched)
    for path in journal.removed:
        _remove(root, path, touched)
    with disk_problems(STATE, COMMITTED):
        for folder in touched:
            if folder.is_dir():
                _flush_folder(folder)
        (root.state / _JOURNAL).unlink()
        _flush_folder(root.state)
    shutil.rmtree(staging, ignore_errors=True)


def _read(root: Root) -> _Journal:
    try:
        journal = _Journal(**json.loads((root.state / _JOURNAL).read_bytes()))
        # Apart, because a file that leaves may stand where a new one gets its folder.
        bad = malformed(journal.files) or malformed(journal.removed) or malformed([journal.staging])
        if not bad and journal.staging.startswith(_STAGING) and "/" not in journal.staging:
            return journal
    except (OSError, ValueError, TypeError, AttributeError):
        pass  # told below
    summary = f"{STATE}/{_JOURNAL} is damaged, so an interrupted write cannot be completed"
    fix = f"remove the folder {STATE}, then run `tapewatch generate`"
    raise ProblemsError([problem("damaged-journal", f"{STATE}/{_JOURNAL}", summary, "the journal must be intact", fix)])


def _blocking(journal: _Journal) -> list[str]:
    """Files that leave and stand where a folder comes, or in a folder where a file comes."""
    new = set(journal.files)
    folders = {parent.as_posix() for path in journal.files for parent in Path(path).parents}
    return [old for old in journal.removed if old in folders or not new.isdisjoint(_folders_of(old))]


def _folders_of(path: str) -> Iterable[str]:
    return (parent.as_posix() for parent in Path(path).parents)


def _put_in_place(root: Root, staged: Path, path: str, touched: set[Path]) -> None:
    if not staged.exists():
        return  # an earlier attempt got as far as this
    target = root.inside(path)
    for folder in reversed([target.parent, *target.parent.parents]):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(_FOLDER_MODE)
            touched.add(folder.parent)
    staged.replace(target)
    touched.add(target.parent)


def _remove(root: Root, path: str, touched: set[Path]) -> None:
    with disk_problems(path, COMMITTED):
        target = root.inside(path)
        with suppress(FileNotFoundError, NotADirectoryError):  # an earlier attempt got as far as this
            if not target.is_dir():
                target.unlink()
        folder = target.parent
        while folder != root.path and not (folder.is_dir() and any(folder.iterdir())):
            with suppress(FileNotFoundError, NotADirectoryError):
                folder.rmdir()
            folder = folder.parent
        touched.add(folder)


def _write_flushed(path: Path, text: str) -> None:
    with path.open("xb") as file:
        os.fchmod(file.fileno(), _FILE_MODE)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
