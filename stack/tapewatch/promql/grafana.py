"""Grafana's variables and macros in PromQL: replaced, so that an expression of a panel parses.

Every replacement is as long as what it stands for, so a position in the result is a position in the panel's text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["filled", "names", "substitute", "variables"]

# Grafana leaves $1 and the like alone; label_replace needs them.
_VARIABLE = r"\$\{[A-Za-z_]\w*(?:[.:][^}]*)?\}|\$[A-Za-z_]\w*|\[\[[A-Za-z_]\w*(?::\w+)?\]\]"
_NAME = re.compile(r"[A-Za-z_]\w*")
_PIECE = re.compile(
    rf"""
      (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
    | (?P<comment>\#[^\n]*)
    | (?P<variable>{_VARIABLE})
    """,
    re.VERBOSE,
)
_IN_STRING = re.compile(_VARIABLE)
_NUMBERS = re.compile(r"\$\{?__(?:range_s|range_ms|interval_ms|rate_interval_ms|from|to)\b")
_TIMES = re.compile(r"\$\{?__(?:range|interval|rate_interval)\b")
_LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*$", re.IGNORECASE)
_WITH_NUMBER = re.compile(
    r"\b(?:topk|bottomk|quantile|limitk|limit_ratio|histogram_quantile)\s*(?:by\s*\([^()]*\)\s*)?\($"
)
_OPERAND = re.compile(r"(?:[-+*/%^<>=,]|\b(?:bool|and|or|unless))$")


def substitute(expr: str) -> str:
    """The expression with each variable replaced by something of the same length that parses in its place.

    A variable becomes a pattern inside a string, a duration in brackets or behind `offset`, and elsewhere, by what
    stands around it, a label, a function, a number or (where only that is left) the name of a metric. What it stands
    for is not known, so checks leave out what `variables` points to.
    """
    parts, done = [], 0
    for start, end in variables(expr):
        parts += [expr[done:start], _replacement(expr, start, end)]
        done = end
    return "".join([*parts, expr[done:]])


def variables(expr: str) -> tuple[tuple[int, int], ...]:
    """Start and end of each variable and macro, in the order of the text."""
    spans: list[tuple[int, int]] = []
    for piece in _PIECE.finditer(expr):
        if piece.lastgroup == "variable":
            spans.append(piece.span())
        elif piece.lastgroup == "string":
            spans += [inner.span() for inner in _IN_STRING.finditer(expr, *piece.span())]
    return tuple(spans)


def names(text: str) -> set[str]:
    """The names of all variables and macros in a text of any kind."""
    return {_name(match) for match in _IN_STRING.finditer(text)}


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text of any kind with values in the place of variables; a variable that has none stays as it is."""
    return _IN_STRING.sub(lambda match: values.get(_name(match), match[0]), text)


def _name(variable: re.Match[str]) -> str:
    found = _NAME.search(variable[0])
    assert found, "every form of a variable has a name in it"
    return found[0]


def _replacement(expr: str, start: int, end: int) -> str:
    length = end - start
    if any(piece.start() < start and end <= piece.end() for piece in _PIECE.finditer(expr, 0, len(expr))):
        return "." * length
    before, after = expr[:start], expr[end:]
    unit = re.match(r"(?:ms|[smhdwy])\b", after)
    if unit and before.rstrip().endswith(("[", ":", "offset")):
        return "1".zfill(length)
    text = expr[start:end]
    if _NUMBERS.match(text):
        return "1".ljust(length)
    if _TIMES.match(text) or _in_brackets(before) or re.search(r"\boffset\s*-?\s*$", before, re.IGNORECASE):
        return "5m".ljust(length)
    return _word_or_number(before, after, length)


def _word_or_number(before: str, after: str, length: int) -> str:
    name = "v" * length
    if re.search(r"[\w:]$", before) or re.match(r"[\w:]", after) or _LABEL_LIST.search(before):
        return name
    before, after = before.rstrip(), after.lstrip()
    if re.match(r"\(|(?:by|without)\b", after):
        return ("sum" if length > 2 else "ln").ljust(length)
    if after.startswith(("{", "[")):
        return name
    is_number = _OPERAND.search(before) or (after.startswith(",") and _WITH_NUMBER.search(before))
    return "1".ljust(length) if is_number else name


def _in_brackets(before: str) -> bool:
    """Whether the text ends inside the brackets of a range (`[[name]]` is a variable and opens none)."""
    bare = _PIECE.sub("", before)
    return bare.rfind("[") > bare.rfind("]")
