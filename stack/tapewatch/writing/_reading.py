"""The generated files as they stand on disk, for who carries them elsewhere."""

from __future__ import annotations

from pathlib import Path

from tapewatch.writing._compare import FileSet
from tapewatch.writing._failures import problem
from tapewatch.writing._manifest import MANIFEST, is_digest_of, read_manifest
from tapewatch.writing._paths import Root, malformed
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["generated"]


def generated(root: Path, folder: str = "", *, manifest: str = MANIFEST) -> FileSet:
    """Text by path of what was generated, each as it was generated.

    Parameters:
        root: the project's folder.
        folder: only what lies in this folder of it.
        manifest: where the manifest stands, relative to the root.

    Raises:
        ProblemsError: a file is missing, or somebody edited it.
    """
    place = Root(root)
    digests = read_manifest(place.content(manifest))
    wanted = [path for path in digests if path.startswith(f"{folder}/" if folder else "") and not malformed([path])]
    found = {path: place.content(path) for path in wanted}
    if wrong := [
        _changed(path, content) for path, content in found.items() if not is_digest_of(digests[path], content)
    ]:
        raise ProblemsError(wrong)
    return {path: content.decode().replace("\r\n", "\n") for path, content in found.items() if content is not None}


def _changed(path: str, content: bytes | None) -> Problem:
    return problem(
        "not-generated",
        path,
        f"{path} {'is missing' if content is None else 'was edited by hand since it was generated'}",
        "what is carried elsewhere is what was generated, and nothing else",
        "run `tapewatch generate`; it says how a change by hand is kept or lost",
    )
