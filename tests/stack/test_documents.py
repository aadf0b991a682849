"""Reading YAML: what comes in, what is refused, and how it is said."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tapewatch.documents import Document, Quoted, parse, path_text, read
from tapewatch.documents import _scalars as scalars
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem


def problems_of(text: str, **limits: int) -> tuple[Problem, ...]:
    with pytest.raises(ProblemsError) as caught:
        parse(text, "catalogue.yaml", **limits)
    return caught.value.problems


def problems_or_none(text: str) -> tuple[Problem, ...]:
    try:
        parse(text, "x")
    except ProblemsError as error:
        return error.problems
    return ()


def problems_of_file(path: Path, **limits: int) -> tuple[Problem, ...]:
    with pytest.raises(ProblemsError) as caught:
        read(path, **limits)
    return caught.value.problems


@pytest.fixture(params=["C", "Python"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with PyYAML's C parser, and with its Python one as on a machine without libyaml."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader")
        monkeypatch.delattr(yaml, "CSafeDumper")
        assert scalars.loader_class() is yaml.SafeLoader
    return str(request.param)


SAME_AS_PYYAML = [
    "a: 1\nb: -7\nc: 0x1F\nd: 010\ne: 0b11\nf: 1_000\ng: 1:30\n",
    "a: 1.5\nb: 1e3\nc: 1.0e+3\nd: .inf\ne: -.INF\nf: 1:30.5\n",
    "a: yes\nb: off\nc: True\nd: n\ne: ~\nf: null\ng:\nh: 0o7\n",
    "a: 'yes'\nb: \"1\"\nc: ! 12\nd: !!str 12\ne: !!int '12'\nf: !!float 1\ng: !!bool on\nh: !!null ''\n",
    "a: |\n  one\n  two\nb: >-\n  folded\n  text\nc: 'it''s'\nd: \"\\u00e9\\t\\x41\"\n",
    "a: {b: [1, {c: d}], e: []}\nf: {}\n",
    "base: &base {a: 1, b: {c: 2}}\nother: &other {b: 3, d: 4}\nx:\n  <<: *base\n  a: 9\n"
    "y:\n  z: 0\n  <<: [*base, *other]\n",
    "first: &f {a: 1}\nsecond: &s {<<: *f, b: 2}\nthird: {c: 3, <<: *s}\nlist: [*f, *s]\nname: &n x\n*n : y\n",
    "a: &v text\nb: *v\nc: [&l [1, 2], *l]\n'<<': plain\n",
    "%YAML 1.1\n---\na: 1\n...\n",
    "# comment\n\na: 1 # one\n",
    "a: x\r\nb:\r\n  - 1\r\n  - |\r\n    text\r\n",
    "{a: 1, b: }\n",
    "? a\n: 1\n? b\n",
    "preis: 5 €\n名前: 値\nsmile: 😀\n",
]


@pytest.mark.parametrize("text", SAME_AS_PYYAML)
def test_valid_input_gives_what_pyyaml_gives_in_the_same_order(text: str, either_parser: str) -> None:
    expected = yaml.load(text, Loader=yaml.SafeLoader)
    data = parse(text, "x.yaml").data
    assert data == expected
    assert repr(data) == repr(expected)  # order and types too: 1 == True == 1.0


def test_not_a_number_is_read() -> None:
    value = parse("a: .nan\n", "x").data["a"]
    assert value != value


def test_dates_equals_signs_and_lone_merge_marks_stay_text() -> None:
    assert parse("a: 2024-01-31\nb: =\nc: <<\nd: 2024-01-31T10:00:00Z\n", "x").data == {
        "a": "2024-01-31",
        "b": "=",
        "c": "<<",
        "d": "2024-01-31T10:00:00Z",
    }


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\nb: [\n")
    (problem,) = problems_of_file(file)
    assert problem.where.line == 2 or problem.where.line == 3
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(file).data == {"a": 1}


def test_only_quoted_text_with_a_variable_is_marked_as_quoted() -> None:
    data = parse("a: \"${X:-1}\"\nb: ${X:-1}\nc: 'plain'\n", "x").data
    assert [type(data[key]) for key in "abc"] == [Quoted, str, str]


def test_a_pipe_is_read_as_a_file_is(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a: 1\n")
    os.close(writing)
    try:
        assert read(Path(f"/dev/fd/{reading}")).data == {"a": 1}
    finally:
        os.close(reading)


# --- files that cannot be read


def test_a_missing_file_names_its_neighbour_of_almost_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "catalogue.yml").write_text("a: 1\n")
    (problem,) = problems_of_file(tmp_path / "catalogue.yaml")
    assert problem.code == "document/missing"
    assert "catalogue.yml" in problem.fix
    (far,) = problems_of_file(tmp_path / "no" / "such.yaml")
    assert "tapewatch init" in far.fix


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of_file(tmp_path)
    assert problem.code == "document/unreadable"
    assert "is a folder" in problem.summary


def test_a_path_below_a_file_or_with_a_nul_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert problems_of_file(tmp_path / "file" / "c.yaml")[0].code == "document/unreadable"
    assert problems_of_file(tmp_path / "a\0b")[0].code == "document/unreadable"


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("a: 1\n")
    file.chmod(0)
    if os.access(file, os.R_OK):  # root may read everything: put the kernel's refusal in its place
        monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    (problem,) = problems_of_file(file)
    assert "permission denied" in problem.summary
    assert "chmod" in problem.fix


def test_a_file_of_100_mb_is_refused_by_its_size_without_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "huge.yaml"
    with file.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    (problem,) = problems_of_file(file)
    assert problem.code == "document/too-large"
    assert "32 MiB" in problem.summary


def test_an_endless_device_is_read_only_up_to_the_limit() -> None:
    (problem,) = problems_of_file(Path("/dev/zero"), max_bytes=1000)
    assert problem.code == "document/too-large"


def test_bytes_that_are_not_utf8_are_placed_by_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes("a: 1\nzürich: ".encode() + b"caf\xe9\n")
    (problem,) = problems_of_file(file)
    assert (problem.code, problem.where.line, problem.where.column) == ("document/not-utf8", 2, 12)
    assert "0xE9" in problem.summary
    assert problem.where.excerpt == "zürich: caf\ufffd"


def test_utf16_is_called_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes("a: 1\n".encode("utf-16"))
    (problem,) = problems_of_file(file)
    assert "UTF-16" in problem.summary


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "--- # nothing\n...\n", "~\n"])
def test_a_file_without_content_is_empty(text: str) -> None:
    (problem,) = problems_of(text)
    assert problem.code == "document/empty"


@pytest.mark.parametrize(
    ("text", "what"), [("- a\n", "a list"), ("word\n", "text"), ("12\n", "a number"), ("yes", "a bool")]
)
def test_a_top_level_that_is_no_mapping_is_refused(text: str, what: str) -> None:
    (problem,) = problems_of("# head\n" + text)
    assert problem.code == "document/not-a-mapping"
    assert what in problem.summary
    assert problem.where.line == 2


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\ufffe", "\ud800"])
def test_a_control_character_is_placed(character: str) -> None:
    (problem,) = problems_of(f"a: 1\r\nkey: v{character}w\n")
    assert (problem.code, problem.where.line, problem.where.column) == ("document/control-character", 2, 7)
    assert f"U+{ord(character):04X}" in problem.summary


# --- syntax


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: [1, 2\nb: 3\n", 2, "opens in line 1"),
        ("a: {x: 1\n", 2, "opens in line 1"),
        ("a:\n\tb: 1\n", 2, "a tab"),
        ("a:\n  b: 1\n\tc: 2\n", 3, "a tab"),
        ("a:\n    b: 1\n  c: 2\n", 3, "indentation"),
        ("a:\n  b: 1\n    c: 2\n", 3, "indentation"),
        ("a: b: c\n", 1, "colon"),
        ('a: "abc\nb: 1\n', 3, "line 1 is never closed"),
        ("a: 1\nfoo\nb: 2\n", 3, "colon is missing"),
        ("a: @x\n", 1, "cannot begin with `@`"),
        ("a: `x`\n", 1, "cannot begin with ```"),
        ('a: "\\q"\n', 1, "escape"),
        ("a: 1\n- b\n", 2, "indentation"),
        ("a: - b\n", 1, "list entry"),
        ("a:\n- b\n- c\n d: 1\n", 4, ""),
        ("a: ]\n", 1, "value is missing"),
        ("a: *\n", 1, "aliases"),
        ("a: !x!y z\n", 1, "tag"),
        ('a: "x" y\n', 1, "quoting"),
        ("a: |x\n", 1, "may follow"),
        ("%YAML 3.0\n---\na: 1\n", 1, "version"),
        ("a: 1\n...\nb: 2\n", 3, "after the end"),
    ],
)
def test_a_syntax_error_is_placed_and_said_in_plain_words(text: str, line: int, word: str, either_parser: str) -> None:
    problem = problems_of(text)[-1]
    assert problem.code == "document/syntax"
    assert problem.where.line == line
    assert word in problem.summary
    assert problem.fix


def test_what_was_found_before_a_syntax_error_is_reported_with_it() -> None:
    assert [p.code for p in problems_of("a: 1\na: 2\nb: [\n")] == ["document/duplicate-key", "document/syntax"]


# --- keys, tags, aliases


def test_every_duplicate_key_is_reported_with_both_lines_nested_ones_as_well(either_parser: str) -> None:
    text = "a: 1\nb:\n  c: 1\n  d: {e: 1, e: 2}\n  c: 3\nlist:\n  - x: 1\n    x: 2\na: 2\na: 3\n"
    found = [(p.where.path, p.where.line, p.summary) for p in problems_of(text)]
    assert [(path, line) for path, line, _ in found] == [
        ("b.d.e", 4),
        ("b.c", 5),
        ("list[0].x", 8),
        ("a", 9),
        ("a", 10),
    ]
    assert found[1][2] == 'key "c" stands twice: in line 3 and in line 5'


def test_a_key_in_quotes_is_the_same_key() -> None:
    assert problems_of("a: 1\n'a': 2\n")[0].code == "document/duplicate-key"


def test_two_merges_in_one_mapping_are_told_how_to_become_one() -> None:
    (problem,) = problems_of("a: &a {x: 1}\nb: &b {y: 1}\nc:\n  <<: *a\n  <<: *b\n")
    assert "<<: [*first, *second]" in problem.fix


@pytest.mark.parametrize("key", ["on", "9100", "~", "1.5", "0x10"])
def test_a_key_that_yaml_takes_for_something_else_wants_quotes(key: str) -> None:
    (problem,) = problems_of(f"services:\n  {key}: x\n")
    assert problem.code == "document/key-not-text"
    assert f'"{key}"' in problem.fix
    assert problem.where.excerpt_column == 3
    assert problem.where.length == len(key)


def test_a_template_without_quotes_is_told_to_stand_in_quotes() -> None:
    problems = problems_of("a: {{ $labels.instance }}\nb: 1\nb: 2\n")
    assert problems[0].code == "document/key-not-text"
    assert "quotes" in problems[0].fix
    assert problems[-1].code == "document/duplicate-key"


def test_lists_and_mappings_as_keys_are_refused_and_reading_goes_on() -> None:
    problems = problems_of("? [a, b]\n: {c: 1}\n? {d: 1}\n: 2\n? [x]\ne: 1\ne: 2\n")
    assert [p.code for p in problems] == ["document/key-not-text"] * 3 + ["document/duplicate-key"]


@pytest.mark.parametrize(
    "value", ["!!python/object:os.system {}", "!!python/name:os.system x", "!secret x", "!!set {a}", "!!binary eA=="]
)
def test_foreign_tags_are_refused_and_nothing_is_constructed(value: str) -> None:
    (problem,) = problems_of(f"a: {value}\n")
    assert problem.code == "document/unknown-tag"
    assert problem.where.path == "a"


@pytest.mark.parametrize("value", ["!!int x", "!!bool maybe", "!!float x", "!!int ''", "0b_", "1" * 5000])
def test_values_that_cannot_be_converted_are_problems(value: str) -> None:
    (problem,) = problems_of(f"a: {value}\n")
    assert problem.code == "document/bad-scalar"
    assert len(problem.summary) < 100


def test_aliases_that_lead_nowhere_to_themselves_or_to_two_are_refused() -> None:
    problems = problems_of("a: *nowhere\nb: &b [*b]\nc: &c 1\nd: &c 2\ne: {<<: 1}\nf: {<<: [*c]}\n")
    assert [p.code.removeprefix("document/") for p in problems] == [
        "unknown-alias",
        "recursive-alias",
        "duplicate-anchor",
        "bad-merge",
        "bad-merge",
    ]


def test_a_yaml_bomb_is_refused_before_it_goes_off() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    (problem,) = problems_of("\n".join(lines))
    assert problem.code == "document/too-large"
    assert "aliases" in problem.summary


def test_a_bomb_of_merges_is_refused_too() -> None:
    lines = ["a0: &a0 {k: [1, 2, 3, 4]}"]
    lines += [f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: *a{n - 1}}}" for n in range(1, 60)]
    assert problems_of("\n".join(lines))[0].code == "document/too-large"


def test_aliases_within_the_budget_count_as_often_as_they_are_used() -> None:
    text = "a: &a [1, 2]\nb: [*a, *a]\n"  # keys 2, mapping 1, first list 3, second list 1 + 2 x 3
    assert parse(text, "x", max_nodes=13).data["b"] == [[1, 2], [1, 2]]
    assert problems_of(text, max_nodes=12)[0].where.line == 2


@pytest.mark.parametrize(
    "text", ["a: " + "[" * 100_000, "a: " + "{a: " * 100_000, "".join(" " * n + "a:\n" for n in range(3000))]
)
def test_deep_nesting_is_refused(text: str, either_parser: str) -> None:
    assert problems_of(text)[-1].code == "document/too-deep"


def test_a_second_document_is_refused_where_it_begins() -> None:
    (problem,) = problems_of("a: 1\n---\nb: 2\n")
    assert (problem.code, problem.where.line) == ("document/several-documents", 2)


def test_a_file_full_of_mistakes_stops_being_read_at_some_point() -> None:
    problems = problems_of("a: 1\n" * 50_000)
    assert len(problems) == 1001
    assert problems[-1].code == "document/too-many-problems"


def test_damaged_files_of_any_kind_give_problems_and_never_a_traceback() -> None:
    rng = random.Random(7)
    sample = "\n".join(SAME_AS_PYYAML[5:10])
    for _ in range(3000):
        text = list(sample)
        for _ in range(rng.randint(1, 6)):
            text[rng.randrange(len(text))] = rng.choice("{}[]:,&*!|>'\"%@`\t\n -#?<=~0x\\\0")
        assert all(p.summary and p.where.file == "x" for p in problems_or_none("".join(text)))


# --- positions


TEXT = """\
# head
defaults: &defaults
  interval: 5s
services:
  market-data:
    <<: *defaults
    "port": 9100
    labels: {zürich: 1, b: [x, yy]}
    text: |
      two
      lines
  empty:
"""


@pytest.fixture
def document() -> Document:
    return parse(TEXT, "catalogue.yaml")


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        (["services", "market-data", "port"], False, (7, 13, 4)),
        (["services", "market-data", "port"], True, (7, 5, 6)),
        (["services", "market-data", "labels", "b", 1], False, (8, 32, 2)),
        (["services", "market-data", "labels"], False, (8, 13, 23)),
        (["services", "market-data", "interval"], False, (3, 13, 2)),
        (["services", "market-data", "text"], False, (9, 11, 1)),
        (["services", "market-data"], True, (5, 3, 11)),
        (["services", "market-data", "team"], False, (5, 3, 11)),
        (["services", "market-data", "port", "deeper", 3], False, (7, 5, 6)),
        (["services", "empty", "address"], False, (12, 3, 5)),
        (["platform"], False, (2, 1, 19)),
        ([], False, (2, 1, 19)),
    ],
)
def test_a_path_leads_to_its_value_key_or_nearest_parent(
    document: Document, path: list[str | int], key: bool, expected: tuple[int, int, int]
) -> None:
    place = document.place(path, key=key)
    assert (place.line, place.column, place.length) == expected
    assert place.excerpt == TEXT.splitlines()[expected[0] - 1]
    assert place.excerpt_column == place.column
    assert place.path == path_text(path)
    assert place.file == "catalogue.yaml"


def test_positions_are_worked_out_only_when_asked_for(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    compose = yaml.compose

    def counted(text: str, **named: Any) -> Any:
        calls.append(text)
        return compose(text, **named)

    monkeypatch.setattr(yaml, "compose", counted)
    parse(TEXT, "x")
    assert calls == []
    document.place(["services"])
    document.place(["defaults"])
    assert len(calls) == 1


def test_paths_read_as_people_write_them() -> None:
    assert path_text(["services", "a.b", "domains", 2, "x y"]) == 'services."a.b".domains[2]."x y"'


# --- cost


def test_importing_documents_loads_neither_rich_nor_pydantic() -> None:
    code = "import sys, tapewatch.documents; print([m for m in ('rich', 'pydantic', 'click') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
