"""The manifest: what was generated, so that edits by hand can be told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

__all__ = ["MANIFEST", "is_digest_of", "manifest_text", "read_manifest", "same_content"]

MANIFEST = "provisioning/manifest.json"
"""Where the manifest stands, relative to the root; committed, and a part of the generated set."""


def manifest_text(files: Mapping[str, str], kept: Mapping[str, str] | None = None) -> str:
    """The manifest of these files, sorted by path; it does not list itself.

    Parameters:
        files: text by path.
        kept: digest by path of files that were generated earlier and stay.
    """
    digests = {**(kept or {}), **{path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}}
    content = {"generated_by": "tapewatch generate; never edit by hand", "files": dict(sorted(digests.items()))}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_manifest(content: bytes | None) -> dict[str, str]:
    """Digest by path; empty when the manifest is missing or damaged (by a merge, say)."""
    try:
        files = json.loads(content or b"{}")["files"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(files, dict):
        return {}
    return {path: digest for path, digest in files.items() if isinstance(digest, str)}


def same_content(content: bytes, text: str) -> bool:
    """Whether a file holds `text`, whatever its line ends."""
    return content in (wanted := text.encode(), wanted.replace(b"\n", b"\r\n"))


def is_digest_of(digest: str | None, content: bytes | None) -> bool:
    """Whether `digest` is that of `content`, or of it with the line ends of Unix; never of a file that is not there."""
    if content is None:
        return False
    unix = content.replace(b"\r\n", b"\n")
    return digest is not None and digest in (hashlib.sha256(content).hexdigest(), hashlib.sha256(unix).hexdigest())
