"""docs/sdk/typed.md: its Python blocks are one program, its Rust block another, and both print what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import page
from docs.test_examples import matches
from sdk.typed.workout import generated
from support.parts import rustc
from support.rendering import render
from support.samples import load_sample
from tapewatch.renderers.instruments import RUST, InstrumentsRenderer

PAGE = page("sdk/typed.md")


def blocks(section: str, language: str) -> str:
    """The blocks of one language in a section, one behind the other."""
    text = PAGE.sections[section]
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return "\n".join(text.strip("\n") for text in found)


def test_the_python_program_prints_what_the_page_shows(tmp_path: Path) -> None:
    folder = generated(load_sample(), tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", blocks("Python", "python")],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert matches(done.stdout, blocks("Python", "text")), done.stdout


@pytest.mark.needs("rust")
def test_the_rust_program_prints_what_the_page_shows(tmp_path: Path) -> None:
    folder = generated(load_sample(), tmp_path)
    (folder / "main.rs").write_text(blocks("Rust", "rust"))
    command = [str(rustc()), "--edition=2021", "-Dwarnings", "main.rs"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    done = subprocess.run([folder / "main"], capture_output=True, text=True, timeout=60, check=True)

    assert matches(done.stdout, blocks("Rust", "text")), done.stdout


def test_every_public_method_of_the_rust_module_is_told() -> None:
    source = render(InstrumentsRenderer(), load_sample())[RUST]
    users = [part for part in source.split("\nmod ") if part.startswith(("registry {", "instruments {", "server {"))]
    public = set(re.findall(r"^ {8}pub fn (\w+)", "\n".join(users), re.MULTILINE))

    assert {"serve", "inc_by", "observe", "set_ready"} <= public
    assert {name for name in public if f"{name}(" not in " ".join(PAGE.spans)} == set()
