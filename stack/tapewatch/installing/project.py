"""What a project has for a host."""

from __future__ import annotations

from pathlib import Path

from tapewatch import layout
from tapewatch.installing.failures import no_systemd
from tapewatch.writing import FileSet, generated

__all__ = ["native_files"]


def native_files(project: Path) -> FileSet:
    """Text by path below `etc`.

    Parameters:
        project: folder of the generated files.

    Raises:
        ProblemsError: there are none, or they are not as they were generated.
    """
    folder = f"{layout.SYSTEMD}/etc"
    files = {path.removeprefix(f"{folder}/"): text for path, text in generated(project, folder).items()}
    if not files:
        raise no_systemd(str(project))
    return files
