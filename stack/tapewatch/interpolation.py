"""`${NAME}` and `${NAME:-default}` in the values of a document.

    address: ${HOST}:9100          required: a problem when HOST is not set
    port: ${PORT:-9090}            9090, a number, when PORT is not set or empty
    version: "${VERSION:-1.10}"    in quotes it stays text
    replacement: $${1}             the text ${1}

Only text values are looked at, never keys. `$labels`, `{{ $value }}` and `{alert}` mean nothing here and stay as they
are; a default may hold braces in pairs (`${URL:-http://docs/{alert}}`), but no further `${`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tapewatch.documents import DataPath, Document, Quoted, path_text, resolve_plain
from tapewatch_sdk.problems import Place, Problem

__all__ = ["interpolate"]

_OPENING = re.compile(r"\$?\$\{")
_EXPRESSION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


def interpolate(
    data: Any, environ: Mapping[str, str], *, document: Document | None = None
) -> tuple[Any, list[Problem]]:
    """Put the values of variables into the text values of `data`.

    Parameters:
        data: plain data; it is not changed. What holds no variable is shared with the result.
        environ: the variables; `{}` renders with the defaults.
        document: where `data` comes from, so that problems are placed, and the whole search is skipped when its text
            holds no `${`.

    Returns:
        The data with all variables replaced, and what is wrong with them. Where something is wrong the text stays.
    """
    if document is not None and "${" not in document.text:
        return data, []
    run = _Interpolation(environ, document.place if document is not None else _place_without_document)
    return run.value(data, ()), run.problems


def _place_without_document(path: DataPath) -> Place:
    return Place(path=path_text(path))


class _Interpolation:
    """One walk through a document."""

    def __init__(self, environ: Mapping[str, str], place: Callable[[DataPath], Place]) -> None:
        self.problems: list[Problem] = []
        self._environ = environ
        self._place = place

    def value(self, value: Any, path: tuple[str | int, ...]) -> Any:
        """`value` with variables replaced; the very same object when there are none in it."""
        if isinstance(value, str):
            return self._text(value, path) if "${" in value else value
        if isinstance(value, dict):
            changed = {key: new for key, old in value.items() if (new := self.value(old, (*path, key))) is not old}
            return {**value, **changed} if changed else value
        if isinstance(value, list):
            items = [self.value(old, (*path, number)) for number, old in enumerate(value)]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def _text(self, text: str, path: DataPath) -> Any:
        if text.startswith("${") and _closing_brace(text, 2) == len(text) - 1 and not isinstance(text, Quoted):
            alone = self._expression(text[2:-1], path)
            return text if alone is None else _retyped(alone)
        pieces: list[str | None] = []
        position = 0
        while opening := _OPENING.search(text, position):
            pieces.append(text[position : opening.start()])
            position = opening.end()
            if opening.group() == "$${":
                pieces.append("${")
                continue
            closing = _closing_brace(text, position)
            if closing < 0:
                self._note(_never_closed(), text[opening.start() :], path)
                return str(text)
            pieces.append(self._expression(text[position:closing], path))
            position = closing + 1
        known = [piece for piece in pieces if piece is not None]
        return "".join(known) + text[position:] if len(known) == len(pieces) else str(text)

    def _expression(self, inside: str, path: DataPath) -> str | None:
        match = _EXPRESSION.fullmatch(inside)
        written = "${" + inside + "}"
        if match is None:
            self._note(_malformed(written), written, path)
            return None
        name, default = match.groups()
        if default is not None and "${" in default:
            self._note(_nested(written), written, path)
            return None
        value = self._environ.get(name)
        if default is not None:
            return value or default
        if value is None:
            self._note(_unset(name), written, path)
        return value

    def _note(self, problem: Problem, written: str, path: DataPath) -> None:
        self.problems.append(replace(problem, where=_narrowed(self._place(path), written)))


def _retyped(text: str) -> Any:
    try:
        return resolve_plain(text) if text else ""
    except ValueError:
        return text


def _closing_brace(text: str, start: int) -> int:
    """Where the brace closes that opened before `start`, braces inside counted; -1 when it does not."""
    depth = 1
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return -1


def _narrowed(place: Place, written: str) -> Place:
    """The place of the expression itself, where it stands in the line of its value."""
    found = place.excerpt.find(written, max(place.excerpt_column - 1, 0))
    if found < 0:
        return place
    shift = found + 1 - place.excerpt_column
    return replace(place, column=place.column + shift, excerpt_column=found + 1, length=len(written))


def _unset(name: str) -> Problem:
    return Problem(
        "document/unset-variable",
        f"the environment variable {name} is not set",
        "a variable without a default must be set",
        f"set {name}, or give a default: ${{{name}:-value}}",
    )


def _malformed(written: str) -> Problem:
    return Problem(
        "document/bad-variable",
        f"`{written}` is not a variable",
        "a variable is written ${NAME} or ${NAME:-default}; names hold letters, digits and underscores",
        f"correct it, or write ${written} to mean the text itself",
    )


def _nested(written: str) -> Problem:
    return Problem(
        "document/bad-variable",
        f"the default in `{written}` holds another variable",
        "a default must be plain text",
        "use one variable, and set it where the command is started",
    )


def _never_closed() -> Problem:
    return Problem(
        "document/bad-variable",
        "`${` is never closed",
        "a variable is written ${NAME} or ${NAME:-default}, with braces in pairs inside it",
        "add the `}`, or write $${ to mean the text itself",
    )
