"""A real browser, in which pages are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from support.parts import chromium

__all__ = ["browser"]


@contextmanager
def browser(width: int = 1400, height: int = 900, away: bool = False) -> Iterator[Page]:
    """An empty page of the Chromium of this machine; what a page's script raises fails the test.

    Parameters:
        width, height: of the window, in pixels.
        away: the test takes the server away, so that requests may fail.
    """
    failures: list[str] = []
    with sync_playwright() as playwright:
        # Root has no sandbox, and the pages are our own.
        program = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = program.new_context(viewport={"width": width, "height": height}).new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        if not away:
            page.on("requestfailed", lambda request: failures.append(f"{request.url} could not be loaded"))
        try:
            yield page
        finally:
            program.close()
    assert failures == []
