"""`stack.simulate` in the catalogue."""

from __future__ import annotations

from typing import Any

from support.rendering import varied, varied_text
from support.samples import SAMPLE, edited, load_sample, problems_in

PINNED = "    tapewatch: {image: tapewatch/tapewatch, version: 0.1.0}"


def test_the_sample_simulates_and_a_catalogue_that_does_not_say_so_does_not() -> None:
    assert load_sample().stack.simulate is True
    assert varied(lambda data: data["stack"].pop("simulate")).stack.simulate is False


def test_a_catalogue_from_before_needs_no_image_of_tapewatch() -> None:
    def old(data: dict[str, Any]) -> None:
        for key in ("simulate", "history"):
            del data["stack"][key]
        del data["stack"]["images"]["tapewatch"]

    assert problems_in(varied_text(old)) == []


def test_simulating_without_an_image_is_told_at_the_line_that_asks_for_it() -> None:
    (line,) = [each for each in SAMPLE.splitlines() if each.startswith(PINNED)]
    text = edited((f"{line}\n", ""))

    problem, of_history = problems_in(text)
    assert of_history.where.path == "stack.history"

    assert problem.code == "catalogue/missing-image"
    assert problem.where.path == "stack.simulate"
    assert text.splitlines()[problem.where.line - 1].startswith("  simulate: true")
    assert "tapewatch: {image:" in problem.fix
