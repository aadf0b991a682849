"""One file of the user's own choice, such as a report."""

from __future__ import annotations

import os
from pathlib import Path

from tapewatch.writing._failures import disk_problems

__all__ = ["write_whole"]


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole, or as it was before; its folder is made where it is not there.

    Parameters:
        path: the file.
        text: its content.

    Raises:
        ProblemsError: the operating system refuses it.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with disk_problems(str(path), "nothing was written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.write_text(text, encoding="utf-8")
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
