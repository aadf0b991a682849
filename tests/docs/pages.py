"""The documentation as data: pages with their headings, sections, tables, links and blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from support.samples import ROOT

__all__ = ["DOCS", "RUNBOOKS", "Block", "Page", "all_pages", "page", "rows"]

DOCS = ROOT / "docs"
RUNBOOKS = ROOT / "alerts/tapewatch_alerts/runbooks"

_FENCE = re.compile(r"^```(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(?P<marks>#{1,6}) +(?P<title>.+?) *$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"(?<!`)`(?!`)([^`\n]+)`")
_NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text and the line on which the text begins, counted from 1."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Page:
    """One Markdown page."""

    path: Path

    @cached_property
    def text(self) -> str:
        """The whole page."""
        return self.path.read_text(encoding="utf-8")

    @property
    def name(self) -> str:
        """The page relative to the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The fenced blocks, in order."""
        return tuple(
            Block(match["language"], match["text"], self.text.count("\n", 0, match.start("text")) + 1)
            for match in _FENCE.finditer(self.text)
        )

    @cached_property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> tuple[str, ...]:
        """Targets of all links and pictures, as they are written."""
        return tuple(match["target"] for match in _LINK.finditer(_CODE.sub("", self.prose)))

    @property
    def spans(self) -> tuple[str, ...]:
        """All code spans."""
        return tuple(_CODE.findall(self.prose))

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The anchors of the headings, as GitHub makes them."""
        made: list[str] = []
        for heading in _HEADING.finditer(self.prose):
            anchor = _anchor(heading["title"])
            repeated = sum(one == anchor or re.fullmatch(rf"{re.escape(anchor)}-\d+", one) is not None for one in made)
            made.append(f"{anchor}-{repeated}" if repeated else anchor)
        return frozenset(made)

    @cached_property
    def sections(self) -> dict[str, str]:
        """What stands under each heading, up to the next one of any level; backticks of the title are left out."""
        found, text = {}, self.text
        masked = _FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
        headings = list(_HEADING.finditer(masked))
        for heading, following in zip(headings, [*headings[1:], None], strict=True):
            end = following.start() if following else len(text)
            found[heading["title"].replace("`", "")] = text[heading.end() : end]
        return found


def _anchor(title: str) -> str:
    return _NOT_IN_ANCHOR.sub("", title.replace("`", "").lower()).replace(" ", "-")


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables in a text; the rows of dashes are left out."""
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                yield cells


def page(name: str) -> Page:
    """A page of docs/ by its file name."""
    return Page(DOCS / name)


def all_pages() -> list[Page]:
    """Every page that a reader may open: README, CHANGELOG, docs/ and the runbooks."""
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")), *sorted(RUNBOOKS.glob("*.md"))]
    return [Page(path) for path in paths]
