"""docs/problems.md describes every problem code that the source can produce, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from docs.codes import codes_of, source_codes
from docs.pages import page, rows

CODE = re.compile(r"`([a-z-]+/[a-z0-9-]+)`")


def described() -> list[tuple[str, str, str, str]]:
    """Heading, code, meaning and remedy of each row of the page."""
    return [
        (title, match[1], cells[1], cells[2])
        for title, text in page("problems.md").sections.items()
        for cells in rows(text)
        if (match := CODE.fullmatch(cells[0]))
    ]


def test_every_code_of_the_source_can_be_seen() -> None:
    _, unseen = source_codes()

    assert not unseen, "write the code out, pass it as a parameter, or list it in tests/docs/codes.py under COMPUTED"


def test_every_code_has_its_line() -> None:
    missing = source_codes()[0] - {code for _, code, _, _ in described()}

    assert not missing, f"docs/problems.md lacks {sorted(missing)}"


def test_no_line_outlives_its_code() -> None:
    gone = {code for _, code, _, _ in described()} - source_codes()[0]

    assert not gone, f"docs/problems.md describes {sorted(gone)}, which nothing produces any more"


def test_each_code_stands_once_under_its_area_with_meaning_and_remedy() -> None:
    lines = described()

    assert len({code for _, code, _, _ in lines}) == len(lines)
    assert all(code.partition("/")[0] == title for title, code, _, _ in lines)
    assert [code for _, code, meaning, remedy in lines if not meaning or not remedy] == []


def test_codes_that_pass_through_functions_and_objects_are_seen(tmp_path: Path) -> None:
    source = tmp_path / "one.py"
    source.write_text(
        "from x import Problem\n"
        "def plain(): Problem('a/plain', 's')\n"
        "def choice(): Problem(code='a/yes' if 1 else 'a/no', summary='s')\n"
        "def _made(area, code): return Problem(f'{area}/{code}', 's')\n"
        "def made(code): return Problem(f'b/{code}', 's')\n"
        "def outer(kind): made(kind)\n"
        "outer('outer'); made(code='named')\n"
        "class _Report:\n"
        "    def __call__(self, code, path): Problem(f'c/{code}', 's')\n"
        "def check(report): report('called', ())\n"
        "def lost(): Problem(choose(), 's')\n"
    )

    codes, unseen = codes_of([source])

    assert codes == {"a/plain", "a/yes", "a/no", "b/outer", "b/named", "c/called"}
    assert unseen == {"one.py:4": "area, code", "one.py:11": "choose()"}
