"""Every relative link leads to a file, and to a heading of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.pages import DOCS, Page, all_pages, page
from support.samples import ROOT


def broken(one: Page, root: Path = ROOT) -> dict[str, str]:
    """The links of a page that lead nowhere, and why."""
    local = [link for link in one.links if "://" not in link and not link.startswith("mailto:")]
    return {link: fault for link in local if (fault := fault_of(link, one, root))}


def fault_of(link: str, one: Page, root: Path) -> str:
    file, _, anchor = link.partition("#")
    target = (one.path.parent / file).resolve() if file else one.path
    if not target.exists():
        return "no such file"
    if not target.is_relative_to(root):
        return "leads out of the repository"
    if anchor and anchor not in Page(target).anchors:
        return f"no such heading; {target.name} has {', '.join(sorted(Page(target).anchors))}"
    return ""


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_every_relative_link_resolves(one: Page) -> None:
    assert broken(one) == {}


def test_the_index_names_every_page() -> None:
    linked = {link.partition("#")[0] for link in page("index.md").links}

    missing = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - linked - {"index.md"}

    assert not missing, f"docs/index.md does not link {sorted(missing)}"


def test_a_link_to_nowhere_is_noticed(tmp_path: Path) -> None:
    written = tmp_path / "page.md"
    written.write_text(
        "# Here\n\n## Here\n\n[a](#here) [a](#here-1) [b](#gone) [c](gone.md) [d](../..) `[e](code.md)`\n\n"
        "```\n[f](block.md)\n```\n"
    )

    assert list(broken(Page(written), tmp_path)) == ["#gone", "gone.md", "../.."]
