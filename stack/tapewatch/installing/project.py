"""What a project has for a host."""

from __future__ import annotations

from pathlib import Path

from tapewatch import layout
from tapewatch.installing.failures import no_systemd, which_host
from tapewatch.writing import FileSet, generated

__all__ = ["native_files"]


def native_files(project: Path, host: str = "") -> FileSet:
    """Text by path below `etc`.

    Parameters:
        project: folder of the generated files.
        host: letter of the host, where the stack is spread over several.

    Raises:
        ProblemsError: there are none, or they are not as they were generated.
    """
    folder = f"{layout.SYSTEMD}/{host}/etc" if host else f"{layout.SYSTEMD}/etc"
    every = generated(project, layout.SYSTEMD)
    files = {path.removeprefix(f"{folder}/"): text for path, text in every.items() if path.startswith(f"{folder}/")}
    if not every:
        raise no_systemd(str(project))
    if not files:
        letters = sorted({path.split("/")[2] for path in every} - {"etc"})
        raise which_host(host, letters)
    return files
