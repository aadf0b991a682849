"""The end of a set: when nothing of it is left, nor is what was written to keep it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from tapewatch.writing._failures import disk_problems
from tapewatch.writing._lock import locked
from tapewatch.writing._manifest import MANIFEST, read_manifest
from tapewatch.writing._paths import Root

__all__ = ["clear"]


def clear(root: Path, manifest: str = MANIFEST) -> None:
    """Remove the manifest of an empty set, with folders that it leaves empty, and the writer's own folder.

    A manifest that still lists files stays.

    Parameters:
        root: the folder of the set.
        manifest: where the manifest stands, relative to the root.

    Raises:
        ProblemsError: another command is writing, or the disk refuses.
    """
    place = Root(root)
    if read_manifest(place.content(manifest)):
        return
    with disk_problems(manifest), locked(place):
        (place.path / manifest).unlink(missing_ok=True)
        with suppress(OSError):  # something else lies there
            (place.path / manifest).parent.rmdir()
        shutil.rmtree(place.state)
