"""Paths inside the root: well-formed, never leading out of it, never through a link that does."""

from __future__ import annotations

import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from tapewatch.writing._failures import disk_problem, problem
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["STATE", "Root", "malformed"]

STATE = ".tapewatch"
"""The folder in the root that holds lock, journal and staged files; it is ignored by git."""


class Root:
    """The folder of the project, through which every generated file is reached.

    Parameters:
        path: the folder; it may itself be reached through links.

    Raises:
        ProblemsError: it is no folder.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            summary, fix = f"{path} is not a folder", "name the folder of the project, or make it"
            raise ProblemsError([problem("no-folder", str(path), summary, "the project's folder must exist", fix)])
        self.path = path.resolve()
        self.state = self.path / STATE
        self._checked: dict[Path, Problem | None] = {}

    def content(self, path: str) -> bytes | None:
        """What the file holds; None when it does not exist.

        Raises:
            ProblemsError: it is a folder or a link, leads out of the root, or may not be read.
        """
        target = self.inside(path)
        try:
            mode = target.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise ProblemsError([_link(path)])
            if not stat.S_ISREG(mode):
                raise ProblemsError([_in_the_way(path, "something that is not a file")])
            return target.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None  # a file where a folder is wanted is judged by `obstacles`
        except OSError as error:
            raise ProblemsError([disk_problem(error, path)]) from error

    def inside(self, path: str) -> Path:
        """The file itself.

        Raises:
            ProblemsError: a link on the way to it leads out of the root.
        """
        target = self.path / path
        if found := self._parent_problem(target.parent, path):
            raise ProblemsError([found])
        return target

    def is_folder_that_leaves(self, path: str, leaving: Iterable[str]) -> bool:
        """Whether a folder stands at `path` that holds nothing but files that leave the set."""
        target = self.path / path
        if target.is_symlink() or not target.is_dir():
            return False
        entries = list(target.rglob("*"))
        files = [entry for entry in entries if entry.is_symlink() or not entry.is_dir()]
        emptied = {parent for file in files for parent in file.parents}
        leave = set(leaving).issuperset(file.relative_to(self.path).as_posix() for file in files)
        return bool(files) and leave and emptied.issuperset(set(entries).difference(files))

    def obstacle(self, path: str, leaving: Iterable[str] = ()) -> Problem | None:
        """A file that stands where a folder for `path` is wanted, and that is not among those that leave."""
        for parent in Path(path).parents:
            name = parent.as_posix()
            if name != "." and name not in leaving and (self.path / parent).exists():
                return None if (self.path / parent).is_dir() else _in_the_way(name, "a file", wanted="a folder")
        return None

    def _parent_problem(self, parent: Path, path: str) -> Problem | None:
        if parent not in self._checked:
            self._checked[parent] = self._leads_out(parent, path)
        return self._checked[parent]

    def _leads_out(self, parent: Path, path: str) -> Problem | None:
        try:
            real = parent.resolve()
        except (OSError, RuntimeError):
            real = Path("/")
        if real != self.path and self.path not in real.parents:
            summary = f"{path} leads out of the project through a symbolic link"
            return problem("symlink", path, summary, "generated files must stay inside the project", "remove the link")
        return None


def malformed(paths: Iterable[str]) -> list[Problem]:
    """The problems of the paths themselves: absolute, `..`, one the folder of another."""
    known = set(paths)
    found = [_bad_path(path) for path in sorted(known) if not _is_well_formed(path)]
    for path in sorted(known):
        for parent in Path(path).parents:
            if parent.as_posix() in known:
                summary = f"{parent.as_posix()} is generated both as a file and as the folder of {path}"
                must = "a path must be either a file or a folder"
                found.append(problem("bad-path", path, summary, must, "correct the renderer that names them"))
    return found


def _is_well_formed(path: str) -> bool:
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or parts[0] in (STATE, ".git"):
        return False
    return "\\" not in path and not any(unicodedata.category(one) in ("Cc", "Cs") for one in path)


def _bad_path(path: str) -> Problem:
    must = f"a path must be relative, with `/`, without `..`, and outside {STATE} and .git"
    return problem("bad-path", path, f"{path!r} cannot be a generated file", must, "correct the renderer that names it")


def _link(path: str) -> Problem:
    summary = f"{path} is a symbolic link"
    return problem("symlink", path, summary, "a generated file must be a plain file", "remove the link, then run again")


def _in_the_way(path: str, what: str, wanted: str = "a file") -> Problem:
    summary = f"{path} is {what}, where {wanted} must be"
    return problem("in-the-way", path, summary, f"{path} must be {wanted}", "move it away, then run again")
