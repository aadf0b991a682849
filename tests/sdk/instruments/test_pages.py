"""The pages about the instruments: the Python blocks of each are one program, which prints what they show."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from docs.pages import page
from docs.test_examples import matches
from tapewatch_sdk.instruments import Counter, Gauge, Histogram, MetricsRegistry, registry

PAGES = ["counter", "gauge", "histogram", "registry"]


@pytest.mark.parametrize("name", PAGES)
def test_the_program_prints_what_the_page_shows(name: str) -> None:
    blocks = page(f"sdk/{name}.md").blocks
    code = "\n".join(block.text for block in blocks if block.language == "python")
    shown = "\n".join(block.text.strip("\n") for block in blocks if block.language == "text")

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert matches(done.stdout, shown), done.stdout


@pytest.mark.parametrize("kind", [Counter, Gauge, Histogram])
def test_every_method_that_a_caller_needs_is_told(kind: type) -> None:
    told = " ".join(page(f"sdk/{kind.__name__.lower()}.md").spans)
    for method in ("inc", "set", "dec", "observe", "time", "labels", "get", "collect", "remove"):
        assert not hasattr(kind, method) or f"{method}(" in told, method


def test_every_parameter_of_a_registry_is_told() -> None:
    spans = page("sdk/registry.md").spans

    assert [name for name in inspect.signature(MetricsRegistry).parameters if name not in spans] == []


def test_our_own_series_are_told_with_all_their_reasons() -> None:
    told = page("sdk/registry.md").sections["What was dropped"]

    for name in (registry.DROPPED_UPDATES, registry.COLLECTION_ERRORS, "value", "labels", "series_budget", "exemplar"):
        assert f"`{name}" in told
