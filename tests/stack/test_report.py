"""Problems as text, JSON and workflow commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from tapewatch.documents import parse
from tapewatch.report import Format, ordered, render
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem, Severity

LINE = "    prot: 9100"
PROBLEM = Problem(
    "catalogue/unknown-key",
    'there is no key "prot"',
    "a service has only the keys of the schema",
    'did you mean "port"?',
    Place("catalogue.yaml", 12, 5, "services.x.prot", LINE, 5, 4),
)
WARNING = Problem("check/unused", "nobody uses it", severity=Severity.WARNING)


def with_excerpt(excerpt: str, column: int, length: int = 1, line: int = 12) -> Problem:
    return replace(PROBLEM, where=Place("c.yaml", line, column, "", excerpt, column, length))


def excerpt_and_caret(problem: Problem, width: int = 80) -> tuple[str, str]:
    """The line shown and the caret line, both behind the gutter."""
    lines = [line for line in render([problem], width=width).splitlines() if re.match(r" *\d* \| ", line)]
    shown, caret = (line.partition(" | ")[2] for line in lines)
    return shown, caret


def test_a_problem_reads_like_a_good_compilers() -> None:
    assert render([PROBLEM]) == (
        'error[catalogue/unknown-key]: there is no key "prot"\n'
        "  --> catalogue.yaml:12:5 (services.x.prot)\n"
        "   |\n"
        "12 |     prot: 9100\n"
        "   |     ^^^^\n"
        "  must hold: a service has only the keys of the schema\n"
        '  fix: did you mean "port"?\n'
        "\n"
        "1 error\n"
    )


def test_what_is_unknown_leaves_no_gaps() -> None:
    assert render([WARNING]) == "warning[check/unused]: nobody uses it\n\n1 warning\n"
    only_path = replace(WARNING, where=Place(path="rule ServiceDown"))
    assert "  --> rule ServiceDown\n" in render([only_path])
    only_file = replace(WARNING, where=Place(file="c.yaml"))
    assert "  --> c.yaml\n" in render([only_file])


def test_an_expression_without_a_file_has_its_caret_too() -> None:
    where = Place(path="rule A", excerpt="rate(nothing[5m])", excerpt_column=6, length=7)
    assert "   | rate(nothing[5m])\n   |      ^^^^^^^\n" in render([replace(WARNING, where=where)])


def test_without_a_caret_column_the_line_stands_alone() -> None:
    assert "^" not in render([with_excerpt("a: 1", 0)])


def test_problems_are_sorted_and_identical_ones_told_once() -> None:
    def at(file: str, line: int) -> Problem:
        return replace(PROBLEM, where=Place(file, line))

    given = [at("b", 1), at("a", 10), at("a", 9), at("b", 1), WARNING]
    assert [(p.where.file, p.where.line) for p in ordered(given)] == [("", 0), ("a", 9), ("a", 10), ("b", 1)]
    assert render(given).splitlines()[-1] == "3 errors, 1 warning"


def test_at_most_fifty_are_shown_and_the_rest_is_counted() -> None:
    many = [replace(PROBLEM, where=Place("a", line)) for line in range(1, 2001)]
    text = render(many)
    assert text.count("error[") == 50
    assert text.splitlines()[-1].startswith("2,000 errors (and 1,950 more than shown here")
    assert render(many, shown=2).count("error[") == 2
    assert json.loads(render(many, "json"))["errors"] == 2000
    assert render(many, "github").count("\n") == 2000


def test_no_problems_are_no_text() -> None:
    assert render([]) == ""
    assert render([], "github") == ""
    assert json.loads(render([], "json")) == {"problems": [], "errors": 0, "warnings": 0}


# --- alignment


def test_tabs_reach_to_their_stops_and_the_caret_goes_along() -> None:
    shown, caret = excerpt_and_caret(with_excerpt("\ta\tb: 1", 4))
    assert shown == "    a   b: 1"
    assert caret.index("^") == shown.index("b")


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert excerpt_and_caret(with_excerpt("名前: x", 5)) == ("名前: x", "      ^")
    assert excerpt_and_caret(with_excerpt("名前: x", 1, 2)) == ("名前: x", "^^^^")
    assert excerpt_and_caret(with_excerpt("e\u0301: x", 5)) == ("e\u0301: x", "   ^")


@pytest.mark.parametrize("column", [1, 5, 150, 500, 995, 1000])
@pytest.mark.parametrize("length", [1, 6, 400])
def test_a_long_line_is_cut_around_its_caret(column: int, length: int) -> None:
    line = "".join(chr(97 + n % 26) for n in range(1000))
    shown, caret = excerpt_and_caret(with_excerpt(line, column, length))
    assert len(shown) <= 75
    assert len(caret) <= 75
    start, stop = caret.index("^"), len(caret)
    assert shown[start:stop].strip("…") in line[column - 1 : column - 1 + length]
    assert shown[start] == line[column - 1]
    assert shown.startswith("…") == (shown[0] != line[0] or column > 75)


def test_every_line_keeps_to_eighty_columns_but_words_stay_whole() -> None:
    wordy = replace(PROBLEM, summary="word " * 60, must="must " * 60, fix="https://example.org/" + "x" * 100)
    lines = render([wordy]).splitlines()
    assert all(len(line) <= 80 for line in lines if "https" not in line)
    assert sum("https://example.org/" + "x" * 100 in line for line in lines) == 1


@pytest.mark.parametrize("width", [0, 1, 10, 40, 200])
def test_any_width_works(width: int) -> None:
    assert "prot" in render([PROBLEM], width=width)
    excerpt_and_caret(with_excerpt("x" * 300, 200, 5), width)


@pytest.mark.parametrize("column", [1, 11, 50])
def test_a_caret_at_or_beyond_the_end_of_the_line_does_no_harm(column: int) -> None:
    _, caret = excerpt_and_caret(with_excerpt("0123456789", column, 30))
    assert caret.strip("^ ") == ""
    assert "^" in caret


def test_a_file_cannot_send_codes_to_the_terminal() -> None:
    evil = "\x1b[31m\u202e\x9b"
    where = Place(f"f{evil}", 1, 1, f"p{evil}", f"a{evil}: 1", 1, 5)
    text = render([Problem("a/b", f"s{evil}", f"m{evil}", f"f{evil}", where)])
    assert not {"\x1b", "\u202e", "\x9b"} & set(text)
    assert "\ufffd" in text


# --- other forms


def test_json_is_the_documented_object() -> None:
    content = json.loads(render([WARNING, PROBLEM], Format.JSON))
    assert list(content) == ["problems", "errors", "warnings"]
    assert content["problems"] == [WARNING.to_dict(), PROBLEM.to_dict()]
    assert (content["errors"], content["warnings"]) == (1, 1)


def test_github_commands_are_escaped() -> None:
    where = Place("a,b:c%.yaml", 3, 7, "x")
    problem = Problem("a/b", "50 % of\r\nall: a, b", "must", "", where, Severity.WARNING)
    assert render([problem], "github") == (
        "::warning file=a%2Cb%3Ac%25.yaml,line=3,col=7,title=a/b::x: 50 %25 of%0D%0Aall: a, b%0Amust hold: must\n"
    )
    assert render([Problem("a/b", "s")], "github") == "::error title=a/b::s\n"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="xml"):
        render([], "xml")


def test_colours_change_nothing_but_the_colours() -> None:
    problems = [PROBLEM, WARNING, with_excerpt("[bold]x[/bold] :smile: " + "y" * 200, 3)]
    coloured = render(problems, color=True)
    assert "\x1b[1;31merror" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == render(problems).splitlines()


def test_colours_are_the_same_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = render([PROBLEM], color=True)
    monkeypatch.setenv("NO_COLOR", "1")  # the command line reads it and asks for no colour
    monkeypatch.setenv("COLUMNS", "10")
    monkeypatch.setenv("TERM", "dumb")
    assert render([PROBLEM], color=True) == expected


def test_rich_is_loaded_only_for_colours() -> None:
    code = (
        "import sys; from tapewatch.report import render; from tapewatch_sdk.problems import Problem;"
        "render([Problem('a/b', 's')]); assert 'rich' not in sys.modules;"
        "render([Problem('a/b', 's')], color=True); assert 'rich' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_real_mistake_is_shown_under_its_own_letters() -> None:
    with pytest.raises(ProblemsError) as caught:
        parse("services:\n  a:\n    port: 1\n    port: 2\n", "catalogue.yaml")
    assert "  --> catalogue.yaml:4:5 (services.a.port)\n   |\n 4 |     port: 2\n   |     ^^^^\n" in render(
        caught.value.problems
    )
