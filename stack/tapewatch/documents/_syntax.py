"""The parser's complaints, in the words of the person who has to mend the file."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.reader import Reader

from tapewatch.documents._source import Source
from tapewatch_sdk.problems import Place, Problem

__all__ = ["from_yaml_error", "unreadable_character"]


def unreadable_character(source: Source) -> Problem:
    """A NUL, another control character, or half a surrogate pair."""
    found = Reader.NON_PRINTABLE.search(source.text)
    if found is None:
        return Problem("document/syntax", "the file cannot be read as YAML text", where=source.whole())
    code = ord(found.group())
    line, column = source.position(found.start())
    return Problem(
        "document/control-character",
        f"character U+{code:04X} may not stand in YAML",
        "only printable characters, tabs and line breaks may stand in the file",
        "remove it; inside double quotes it can be written as an escape such as \\0 or \\x07",
        source.at(line, column),
    )


_SYNTAX: tuple[tuple[str, str, str, str], ...] = (
    # part of the parser's context, part of its message, what that means, fix
    (
        "flow sequence",
        "',' or ']'",
        "the list that `[` opens in line {context_line} is not closed properly",
        "put commas between the values and `]` at the end; text with brackets or braces must stand in quotes",
    ),
    (
        "flow mapping",
        "',' or '}'",
        "the mapping that `{{` opens in line {context_line} is not closed properly",
        "put commas between the pairs and `}` at the end; text such as ${NAME} or {{ $value }} needs quotes here",
    ),
    (
        "quoted scalar",
        "unexpected end of stream",
        "the quote that opens in line {context_line} is never closed",
        "close the quote; inside single quotes write '' for an apostrophe",
    ),
    (
        "quoted scalar",
        "unknown escape",
        "this is no escape that YAML knows",
        "write the backslash twice, or use single quotes, in which backslashes mean themselves",
    ),
    (
        "simple key",
        "could not find expected ':'",
        "a colon is missing: the line is neither `key: value` nor a list entry",
        "write `key: value` with a space after the colon, or `- value`, or indent the line under what it continues",
    ),
    (
        "block mapping",
        "",
        "the indentation or the quoting is wrong: a key of the mapping that begins in line {context_line} is expected",
        "indent the keys of one mapping alike, with spaces; begin list entries with `- `, and put quotes round the "
        "whole value",
    ),
    (
        "block collection",
        "",
        "the indentation is wrong: the list that begins in line {context_line} goes on with something that is no entry",
        "begin each entry with `- ` in the same column, or move the line out of the list",
    ),
    (
        "",
        "mapping values are not allowed",
        "a colon does not fit here: wrong indentation, a colon missing further up, or a value with `: ` without quotes",
        "indent the keys of one mapping alike, write a space after each colon, put a value that holds `: ` in quotes",
    ),
    ("", "sequence entries are not allowed", "a list entry cannot begin here", "begin each entry on a line of its own"),
    (
        "",
        "node content",
        "a value is missing here",
        "write the value; one that begins with a bracket must stand in quotes",
    ),
    (
        "",
        "alphabetic or numeric character",
        "`*` and `&` are YAML's aliases and anchors",
        "put a value that begins with `*` or `&` in quotes",
    ),
    ("block scalar", "", "only an indentation or `-` or `+` may follow `|` or `>`", "begin the text on the next line"),
    ("", "undefined tag handle", "the tag is not known", "put a value that begins with `!` in quotes"),
    (
        "",
        "<document start>",
        "text follows after the end of the document",
        "remove the `...` line, or what follows it",
    ),
    ("", "directive", "a line that begins with `%` is a YAML directive", "put the text in quotes, or remove the line"),
    ("", "incompatible YAML", "the YAML version is not known", "remove the `%YAML` line"),
)


def from_yaml_error(error: yaml.YAMLError, source: Source) -> Problem:
    """The parser's complaint, with the likely cause in plain words."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return unreadable_character(source)
    message, context = error.problem or "", error.context or ""
    mark = error.problem_mark
    where = source.between(mark, mark)
    summary, fix = _plain_words(context, message, error.context_mark, where)
    return Problem("document/syntax", summary, f"the file must be valid YAML; the parser says: {message}", fix, where)


def _plain_words(context: str, message: str, context_mark: Any, where: Place) -> tuple[str, str]:
    character = where.excerpt[where.excerpt_column - 1 : where.excerpt_column]
    if "tab character" in message or ("cannot start any token" in message and character == "\t"):
        return "a tab stands where only spaces may indent", "replace the tab with spaces"
    if "cannot start any token" in message:
        return f"a value cannot begin with `{character}`", "put the value in quotes"
    context_line = context_mark.line + 1 if context_mark is not None else where.line
    for in_context, in_message, summary, fix in _SYNTAX:
        if in_context in context and in_message in message:
            return summary.format(context_line=context_line), fix
    return "this is not valid YAML", "correct the line, or put the value in quotes"
