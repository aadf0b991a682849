"""The page about stream integrity: its Python blocks are one program, which prints what they show."""

from __future__ import annotations

import subprocess
import sys

from docs.pages import page
from docs.test_examples import matches
from tapewatch_sdk.streams import ArrivalKind, StreamStats, TableCount

PAGE = page("sdk/streams.md")


def test_the_program_prints_what_the_page_shows() -> None:
    code = "\n".join(block.text for block in PAGE.blocks if block.language == "python")
    shown = "\n".join(block.text.strip("\n") for block in PAGE.blocks if block.language == "text")

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert matches(done.stdout, shown), done.stdout


def test_every_kind_and_every_count_is_told() -> None:
    spans = set(PAGE.spans)

    told = {*ArrivalKind, *StreamStats._fields, *TableCount._fields} - {"table"}
    assert [name for name in sorted(told) if name not in spans] == []
