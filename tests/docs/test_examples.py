"""Every `console` block of the pages is run in a fresh project, and must print what the page shows.

The blocks of a page are one session: a `diff` block is applied to the project, a `console` block is run, in the order
of the page. A line of `...` stands for any lines, `...` in a line for any text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from docs.pages import Block, Page, all_pages
from docs.written import install
from support.samples import SAMPLE

PAGES = [page for page in all_pages() if any(block.language == "console" for block in page.blocks)]


@dataclass
class Session:
    """A shell in a project's folder, which remembers the last exit code."""

    folder: Path
    path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    code: int = 0

    def run(self, command: str) -> str:
        """What a command prints to both outputs, in their order."""
        done = subprocess.run(
            ["bash", "-c", f"(exit {self.code}); {command}"],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{self.path}:{os.environ['PATH']}",
                "COLUMNS": "80",
                "NO_COLOR": "1",
                **self.env,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        self.code = done.returncode
        return done.stdout

    def git(self, *arguments: str, text: str = "") -> None:
        name = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *name, *arguments], cwd=self.folder, input=text, text=True, check=True)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The sample as a project in git, with its generated files."""
    programs, folder = tmp_path_factory.mktemp("programs"), tmp_path_factory.mktemp("example") / "demo"
    program = programs / "tapewatch"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tapewatch.cli "$@"\n')
    program.chmod(0o755)
    folder.mkdir()
    (folder / "catalogue.yaml").write_text(SAMPLE, encoding="utf-8")
    (folder / ".gitignore").write_text(".tapewatch/\n")
    session = Session(folder, programs)
    printed = session.run("tapewatch generate")
    assert session.code == 0, printed
    session.git("init", "--quiet", "--initial-branch=main")
    session.git("add", ".")
    session.git("commit", "--quiet", "--message=sample")
    return session


@pytest.fixture
def session(generated: Session, tmp_path: Path) -> Session:
    """A copy of that project, for one page."""
    shutil.copytree(generated.folder, tmp_path / "demo")
    return Session(tmp_path / "demo", generated.path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_prints_what_the_page_shows(page: Page, session: Session, tmp_path: Path) -> None:
    if page.name.startswith("docs/plugins"):  # they tell of a package that they have built up before
        session.env = install(tmp_path / "packages")
    for block in page.blocks:
        if block.language == "diff":
            session.git("apply", "--recount", "-", text=block.text)
        elif block.language == "console":
            play(block, session, page)


def play(block: Block, session: Session, page: Page) -> None:
    for command, shown in steps(block.text):
        printed = session.run(command)
        assert matches(printed, shown), f"{page.name}:{block.line}: `{command}` printed\n{printed}\nnot\n{shown}"


def steps(text: str) -> list[tuple[str, str]]:
    """The commands of a session, each with what it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and found and not found[-1][1] and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(lines)) for command, lines in found]


def matches(printed: str, shown: str) -> bool:
    """Whether a text is what is shown, `...` standing for anything."""
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if line == "..." else re.escape(line.rstrip()).replace(r"\.\.\.", r"[^\n]*?") + r"\n"
        for line in shown.strip("\n").splitlines()
    )
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed.strip("\n").splitlines())) is not None


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        ("a\nb\n", "a\nb", True),
        ("a\nb\n", "a", False),
        ("one 12 two\n", "one ... two", True),
        ("a\nb\nc\nd\n", "a\n...\nd", True),
        ("a\nb\nc\n", "a\n...\nd", False),
        ("", "", True),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(printed: str, shown: str, same: bool) -> None:
    assert matches(printed, shown) is same
