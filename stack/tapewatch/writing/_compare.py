"""The set of generated files against what is on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tapewatch.writing._manifest import MANIFEST, is_digest_of, manifest_text, read_manifest, same_content
from tapewatch.writing._paths import Root, malformed
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["Changes", "FileSet", "compare", "compare_set"]

FileSet = Mapping[str, str]
"""Text by path, relative to the root, with `/`."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What writing a set would change; each path stands in one field, sorted. The manifest counts as a file.

    Parameters:
        created: files that are not there yet.
        updated: files as they were generated before, which get new content.
        removed: files that were generated before and are not any more.
        unchanged: files that already hold what they should, whatever their line ends.
        edited_by_hand: files that were generated and then changed by a person, or removed from the set after that.
        foreign: files that stand where one must be written, and that were never generated.
    """

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    edited_by_hand: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.created or self.updated or self.removed or self.edited_by_hand or self.foreign)


@dataclass
class _Sorting:
    """The fields of `Changes` while they fill up, and what could not be compared."""

    paths: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def put(self, kind: str, path: str) -> None:
        self.paths.setdefault(kind, []).append(path)


def compare(root: Path, files: FileSet, *, keep: bool = False, manifest: str = MANIFEST) -> Changes:
    """What `apply` would change; nothing is touched.

    Parameters:
        root: the project's folder.
        files: the whole set, without the manifest.
        keep: the set is not whole, so that files generated earlier stay.
        manifest: where the manifest stands, relative to the root.

    Raises:
        ProblemsError: a path is malformed or leads out of the root, a folder is in the way, a file cannot be read.
    """
    return compare_set(Root(root), files, keep, manifest)[0]


def compare_set(root: Root, files: FileSet, keep: bool, manifest: str = MANIFEST) -> tuple[Changes, FileSet]:
    """As `compare`; gives also the set together with its manifest."""
    if found := malformed({*files, manifest}):
        raise ProblemsError(found)
    known = read_manifest(root.content(manifest))
    others = {path: digest for path, digest in known.items() if path not in files and not malformed([path])}
    wanted = {**files, manifest: manifest_text(files, others if keep else None)}
    return _sorted_out(root, wanted, known, set() if keep else set(others) - {manifest}, manifest), wanted


def _sorted_out(root: Root, files: FileSet, known: Mapping[str, str], leaving: set[str], manifest: str) -> Changes:
    sorting = _Sorting()
    for path in sorted({*files, *leaving}):
        try:
            content = None if root.is_folder_that_leaves(path, leaving) else root.content(path)
        except ProblemsError as error:
            sorting.problems += error.problems
            continue
        if kind := _kind(content, files.get(path), known.get(path), generated=path == manifest):
            sorting.put(kind, path)
        if path in files and content is None and (obstacle := root.obstacle(path, leaving)):
            sorting.problems.append(obstacle)
    if sorting.problems:
        raise ProblemsError(dict.fromkeys(sorting.problems))
    return Changes(**{kind: tuple(paths) for kind, paths in sorting.paths.items()})


def _kind(content: bytes | None, text: str | None, digest: str | None, *, generated: bool) -> str:
    """The field of `Changes` in which a file belongs; none for one that left the set and is gone already."""
    if content is None:
        return "created" if text is not None else ""
    if text is not None and same_content(content, text):
        return "unchanged"
    if generated:
        return "updated"  # a damaged manifest is no reason to refuse: it is made from the files
    if digest is None:
        return "foreign"
    if not is_digest_of(digest, content):
        return "edited_by_hand"
    return "updated" if text is not None else "removed"
