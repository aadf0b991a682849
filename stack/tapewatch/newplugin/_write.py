"""Writes a new project, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["write_project"]

_MODE = 0o755
"""Of the project's folder; a temporary folder is closed to others."""


def write_project(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files into a folder that is not there yet, or is empty.

    They are written beside it and then moved in one step, so that nothing half-made is left behind.

    Raises:
        ProblemsError: something stands in its place, or the disk refuses.
    """
    target = folder.absolute()
    try:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise ProblemsError([_in_the_way(folder)])
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for path, text in files.items():
                (staged / path).parent.mkdir(parents=True, exist_ok=True)
                (staged / path).write_text(text, encoding="utf-8")
            staged.chmod(_MODE)
            staged.rename(target)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    except OSError as error:
        raise ProblemsError([_refused(folder, error)]) from error


def _in_the_way(folder: Path) -> Problem:
    return Problem(
        code="plugins/not-empty",
        summary=f"{folder} is there already, and is not an empty folder",
        must="a new plugin gets a folder of its own",
        fix="choose another one with --directory",
        where=Place(file=str(folder)),
    )


def _refused(folder: Path, error: OSError) -> Problem:
    return Problem(
        code="plugins/not-written",
        summary=f"{folder} could not be written: {error.strerror or error}",
        must="the folder can be made and written; nothing was left half-made",
        fix="choose another one with --directory, or change the owner or the mode of the one above it",
        where=Place(file=str(folder)),
    )
