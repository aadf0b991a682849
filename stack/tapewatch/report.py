"""Problems as text for people, JSON for programs, and workflow commands for GitHub; only the command line prints them.

Text, one problem:

    error[catalogue/unknown-key]: there is no key "prot"
      --> catalogue.yaml:12:5 (services.market-data.prot)
       |
    12 |     prot: 9100
       |     ^^^^
      must hold: a service has only the keys of the schema
      fix: did you mean "port"?

JSON, all problems; `errors` and `warnings` count them, `line` and `column` are 0 when unknown:

    {"problems": [{"code", "severity", "summary", "must", "fix", "file", "line", "column", "path", "excerpt"}],
     "errors": 1, "warnings": 0}
"""

from __future__ import annotations

import json
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum

from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["SHOWN", "Format", "ordered", "render"]

SHOWN = 50
"""How many problems the text shows; more than that nobody mends in one go. JSON and GitHub get all of them."""

_TAB = 4
_ELLIPSIS = "…"
_NARROWEST = 40
"""Columns below which lines are no longer cut: a terminal of such a width is a mistake."""

_Span = tuple[str, str]
"""A piece of text and its rich style; the style is empty for plain text."""


class Format(StrEnum):
    """The forms in which problems can be had."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """Identical problems once, sorted by file and line; those without a file come first."""
    return sorted(dict.fromkeys(problems), key=_position)


def render(
    problems: Iterable[Problem],
    format: Format | str = Format.TEXT,  # noqa: A002 - the option's name
    *,
    color: bool = False,
    width: int = 80,
    shown: int = SHOWN,
) -> str:
    """All problems in one text, which ends with a line break; empty when there are none (except for JSON).

    Parameters:
        problems: in any order; identical ones are told once.
        format: `text`, `json` or `github`.
        color: colour the text, for a terminal.
        width: columns of the terminal; only for text.
        shown: how many problems the text shows at most.

    Raises:
        ValueError: there is no such format.
    """
    found = ordered(problems)
    kind = Format(format)
    if kind is Format.JSON:
        return _json(found)
    if kind is Format.GITHUB:
        return "".join(map(_github, found))
    lines = _text(found, max(width, _NARROWEST), shown)
    return _coloured(lines) if color else "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def _position(problem: Problem) -> tuple[str, int, int, str, str, str]:
    where = problem.where
    return (where.file, where.line, where.column, where.path, problem.code, problem.summary)


def _counts(problems: Sequence[Problem]) -> tuple[int, int]:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    return errors, len(problems) - errors


def _json(problems: Sequence[Problem]) -> str:
    errors, warnings = _counts(problems)
    content = {"problems": [problem.to_dict() for problem in problems], "errors": errors, "warnings": warnings}
    return json.dumps(content, indent=2) + "\n"


# --- GitHub workflow commands


def _github(problem: Problem) -> str:
    where = problem.where
    properties = {
        "file": where.file,
        "line": str(where.line or ""),
        "col": str(where.column or "") if where.line else "",
        "title": problem.code,
    }
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    subject = f"{where.path}: {problem.summary}" if where.path else problem.summary
    notes = [f"{name}: {text}" for name, text in (("must hold", problem.must), ("fix", problem.fix)) if text]
    return f"::{problem.severity} {shown}::{_message(chr(10).join([subject, *notes]))}\n"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


# --- text


def _text(problems: Sequence[Problem], width: int, shown: int) -> list[list[_Span]]:
    lines: list[list[_Span]] = []
    for problem in problems[:shown]:
        lines += [*_problem(problem, width), []]
    if problems:
        lines.append([(_closing_line(problems, shown), "bold")])
    return lines


def _closing_line(problems: Sequence[Problem], shown: int) -> str:
    counts = zip(_counts(problems), ("error", "warning"), strict=True)
    text = ", ".join(f"{count:,} {word}{'s' * (count != 1)}" for count, word in counts if count)
    hidden = len(problems) - shown
    return f"{text} (and {hidden:,} more than shown here; --format json has all)" if hidden > 0 else text


def _problem(problem: Problem, width: int) -> list[list[_Span]]:
    style = "bold red" if problem.severity is Severity.ERROR else "bold yellow"
    label = f"{problem.severity}[{problem.code}]"
    first, *rest = _wrapped(f"{label}: {problem.summary}", width, indent="  ")
    lines: list[list[_Span]] = [[(first[: len(label)], style), (first[len(label) :], "bold")]]
    lines += [[(line, "bold")] for line in rest]
    lines += _where(problem.where, width, style)
    for name, text in (("must hold", problem.must), ("fix", problem.fix)):
        if text:
            first, *rest = _wrapped(f"  {name}: {text}", width, indent="    ")
            lines.append([(first[: len(name) + 3], "cyan"), (first[len(name) + 3 :], "")])
            lines += [[(line, "")] for line in rest]
    return lines


def _where(where: Place, width: int, style: str) -> list[list[_Span]]:
    position = ":".join(str(part) for part in (where.file, where.line, where.column) if part)
    path = f"({where.path})" if where.path and position else where.path
    arrow = " ".join(part for part in ("  -->", _visible(position), _visible(path)) if part)
    lines: list[list[_Span]] = [[(arrow, "dim")]] if position or path else []
    if not where.excerpt.strip():
        return lines
    number = str(where.line) if where.line else ""
    gutter = max(len(number), 2)
    excerpt, caret, run = _excerpt(where, width - gutter - 3)
    lines.append([(" " * gutter + " |", "dim")])
    lines.append([(f"{number:>{gutter}} | ", "dim"), (excerpt, "")])
    if run:
        lines.append([(" " * gutter + " | ", "dim"), (" " * caret + "^" * run, style)])
    return lines


def _excerpt(where: Place, room: int) -> tuple[str, int, int]:
    """The line, cut to `room` columns around the caret, with the columns before the caret and those under it."""
    cells = _cells(where.excerpt.rstrip("\r\n"))
    start = min(max(where.excerpt_column - 1, 0), len(cells))
    stop = min(start + max(where.length, 1), max(len(cells), start + 1))
    left, right = _window([width for _, width in cells], start, stop, room)
    shown = "".join(text for text, _ in cells[left:right])
    shown = (_ELLIPSIS if left else "") + shown + (_ELLIPSIS if right < len(cells) else "")
    if not where.excerpt_column:
        return shown, 0, 0
    before = sum(width for _, width in cells[left:start]) + (1 if left else 0)
    under = sum(width for _, width in cells[start : min(stop, right)])
    return shown, before, max(under, 1)


def _window(widths: Sequence[int], start: int, stop: int, room: int) -> tuple[int, int]:
    """Which characters to show so that the caret's are among them, with some context before and after."""
    if sum(widths) <= room:
        return 0, len(widths)
    room -= 2  # for the dots at either end
    left = right = min(start, len(widths))
    used = 0
    while right < len(widths) and right < stop and used + widths[right] <= room:
        used += widths[right]
        right += 1
    while True:
        grown = False
        if left > 0 and used + widths[left - 1] <= room:
            left -= 1
            used += widths[left]
            grown = True
        if right < len(widths) and used + widths[right] <= room:
            used += widths[right]
            right += 1
            grown = True
        if not grown:
            return left, right


def _cells(line: str) -> list[_Cell]:
    """Each character as it is shown, with its columns; a tab reaches to the next stop."""
    cells: list[_Cell] = []
    column = 0
    for character in line:
        if character == "\t":
            width = _TAB - column % _TAB
            cells.append((" " * width, width))
        else:
            width = _columns(character)
            cells.append((_visible(character), width))
        column += width
    return cells


_Cell = tuple[str, int]


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _visible(text: str) -> str:
    """Control characters replaced, so that no file can move the cursor, change colours or the writing direction."""
    return "".join("\ufffd" if unicodedata.category(one) in ("Cc", "Cf", "Cs") else one for one in text)


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """The text in lines of at most `width` columns; words (paths, commands) are never broken."""
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        lead = indent if number else ""
        lines += textwrap.wrap(
            _visible(line.replace("\t", " ")),
            width,
            initial_indent=lead,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines


def _coloured(lines: Iterable[Sequence[_Span]]) -> str:
    # rich takes some 50 ms to import: only who sees colours pays for it.
    import io

    from rich.console import Console
    from rich.text import Text

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="standard", legacy_windows=False, no_color=False)
    for line in lines:
        console.print(Text.assemble(*((text, style) for text, style in line)), soft_wrap=True)
    return stream.getvalue()
