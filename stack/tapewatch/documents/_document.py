"""Reading a file into a `Document`."""

from __future__ import annotations

import stat
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from tapewatch.documents import _mistakes as mistakes
from tapewatch.documents._events import MAX_NODES, Builder
from tapewatch.documents._path import DataPath
from tapewatch.documents._positions import Positions
from tapewatch.documents._source import Source
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["MAX_BYTES", "Document", "parse", "parse_data", "read"]

MAX_BYTES = 32 * 1024 * 1024
"""Largest file that is read, in bytes. A catalogue of 10,000 services has 2 MB."""

_BYTE_ORDER_MARK = "\ufeff"


class Document:
    """A YAML document that was read without a problem.

    Parameters:
        source: name and text.
        data: the data. Values that aliases repeat are shared, so it must not be changed in place.
    """

    def __init__(self, source: Source, data: dict[str, Any]) -> None:
        self._source = source
        self._data = data

    @property
    def data(self) -> dict[str, Any]:
        """Plain dict, list, str, int, float, bool and None.

        Text in quotes that holds `${` is a `Quoted`, a subclass of str, for the sake of interpolation.
        """
        return self._data

    @property
    def name(self) -> str:
        """The file as the user wrote it."""
        return self._source.name

    @property
    def text(self) -> str:
        """The whole text, without a byte order mark."""
        return self._source.text

    def place(self, path: DataPath, *, key: bool = False) -> Place:
        """Where the value at `path` stands, or its nearest parent that exists.

        The first call parses the text a second time (about a second for 10,000 services), the next ones are quick.

        Parameters:
            path: keys and list positions from the top.
            key: point at the key rather than at the value.
        """
        return self._positions.place(path, key=key)

    @cached_property
    def _positions(self) -> Positions:
        return Positions(self._source)


def read(path: Path, *, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES) -> Document:
    """Read a YAML file.

    Parameters:
        path: the file; problems name it as it is given here.
        max_bytes: largest size that is read, in bytes.
        max_nodes: how many values the document may have, aliases expanded.

    Raises:
        ProblemsError: the file cannot be read or is not the YAML that we want; carries every problem found.
    """
    content = _read_bytes(path, max_bytes)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemsError([_not_utf8(str(path), content, error.start)]) from None
    return parse(text, str(path), max_nodes=max_nodes)


def parse(text: str, name: str, *, max_nodes: int = MAX_NODES) -> Document:
    """Read a YAML document from a text.

    Parameters:
        text: the whole document; a byte order mark is skipped.
        name: what problems call the file.
        max_nodes: how many values it may have, aliases expanded.

    Raises:
        ProblemsError: it is not the YAML that we want; carries every problem found.
    """
    source = Source(name, text.removeprefix(_BYTE_ORDER_MARK))
    data = _build(source, max_nodes)
    if data is None:
        raise ProblemsError([mistakes.empty(source.whole())])
    if not isinstance(data, dict):
        raise ProblemsError([mistakes.not_a_mapping(source.first_content(), data)])
    return Document(source, data)


def parse_data(text: str, name: str) -> Any:
    """The plain data of a text whose top level may be a list too, as in Prometheus's files of targets; None when empty.

    Raises:
        ProblemsError: it is not the YAML that we want; carries every problem found.
    """
    return _build(Source(name, text), MAX_NODES)


def _build(source: Source, max_nodes: int) -> Any:
    builder = Builder(source, max_nodes)
    builder.run()
    if builder.problems:
        raise ProblemsError(builder.problems)
    return builder.data


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    where = Place(file=str(path))
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ProblemsError([_unreadable(where, "is a folder", "name a file in it, such as catalogue.yaml")])
        if status.st_size <= max_bytes:
            with path.open("rb") as file:
                content = file.read(max_bytes + 1)  # a pipe has no size beforehand
            if len(content) <= max_bytes:
                return content
    except FileNotFoundError:
        raise ProblemsError([_missing(path)]) from None
    except PermissionError:
        fix = "change the file's permissions (chmod u+r), or run as a user that may read it"
        raise ProblemsError([_unreadable(where, "may not be read: permission denied", fix)]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ProblemsError([_unreadable(where, f"cannot be read: {reason}", "check the path")]) from None
    raise ProblemsError([_too_large(where, max_bytes)])


def _unreadable(where: Place, what: str, fix: str) -> Problem:
    return Problem("document/unreadable", f"{where.file} {what}", "it must be a file that can be read", fix, where)


def _missing(path: Path) -> Problem:
    fix = "check the path and the current folder; `tapewatch init` makes a new project"
    try:
        near = get_close_matches(path.name, (entry.name for entry in path.parent.iterdir()), n=1)
    except OSError:
        near = []
    if near:
        fix = f"did you mean {path.parent / near[0]}?"
    return Problem("document/missing", f"{path} does not exist", "the file must exist", fix, Place(file=str(path)))


def _too_large(where: Place, max_bytes: int) -> Problem:
    limit = f"{max_bytes / 1024 / 1024:.0f} MiB" if max_bytes >= 1024 * 1024 else f"{max_bytes} bytes"
    return Problem(
        "document/too-large",
        f"{where.file} is larger than {limit}",
        f"a file must have at most {limit}; 10,000 services need 2 MB",
        "check that this is the right file, or split it",
        where,
    )


def _not_utf8(name: str, content: bytes, start: int) -> Problem:
    valid = content[:start].decode("utf-8")
    source = Source(name, content.decode("utf-8", errors="replace"))
    line, column = source.position(len(valid))
    summary = f"the file is not UTF-8: byte 0x{content[start]:02X} is invalid here"
    fix = "save it as UTF-8 in your editor; such bytes often come from Windows-1252 or Latin-1"
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        summary = "the file is UTF-16, not UTF-8"
        fix = "save it as UTF-8 in your editor, or convert it: iconv -f UTF-16 -t UTF-8"
    where = source.at(line, column)
    return Problem("document/not-utf8", summary, "the file must be encoded as UTF-8", fix, where)
