"""Where the other side of a plan comes from: the disk, or a git revision."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tapewatch import layout
from tapewatch.planning.changes import Files
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Problem

__all__ = ["files_at_revision", "files_on_disk"]


def files_on_disk(root: Path, generated: Iterable[str]) -> Files:
    """The generated files as they are on disk: those about to be written, and those that were written last time."""
    paths = {*generated, *_manifest(root)}
    return {path: text for path in sorted(paths) if (text := _text(root / path)) is not None}


def files_at_revision(root: Path, revision: str) -> Files:
    """The generated files of a project as they are in a git revision.

    Raises:
        ToolError: git is missing, the folder is in no repository, or the revision is unknown.
    """
    listing = _git(root, "ls-tree", "-r", "-z", "--name-only", revision, "--", layout.PROVISIONING, layout.COMPOSE)
    paths = [path for path in listing.decode().split("\0") if path]
    contents = _git(root, "cat-file", "--batch", stdin="".join(f"{revision}:./{path}\n" for path in paths).encode())
    files, offset = {}, 0
    for path in paths:
        end = contents.index(b"\n", offset)
        size = int(contents[offset:end].split()[-1])
        files[path] = contents[end + 1 : end + 1 + size].decode("utf-8", errors="replace")
        offset = end + 1 + size + 1
    return files


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _manifest(root: Path) -> list[str]:
    try:
        manifest = json.loads((root / layout.MANIFEST).read_text(encoding="utf-8"))
        return [*manifest["files"], layout.MANIFEST]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _git(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError([_problem(f"git could not be run: {error}", "install git")]) from None
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise ToolError([_problem(f"git: {message}", "name a revision of the repository that holds the project")])
    return done.stdout


def _problem(summary: str, fix: str) -> Problem:
    return Problem("plan/git", summary, "the revision that a plan is held against can be read", fix)
