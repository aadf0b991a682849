"""A browser for each file of tests, and for each test a server of its own and a page that remembers nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from support.browser import browser
from support.live_page import PageServer


@pytest.fixture(scope="module")
def window() -> Iterator[Page]:
    """The one page of the browser; what its script raises fails the last test of the file."""
    with browser(away=True) as page:
        yield page


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer() as running:
        yield running


@pytest.fixture
def page(window: Page, server: PageServer) -> Iterator[Page]:
    """A page that a test opens by `page.goto(server.url)`, on a desktop in the light."""
    window.context.clear_cookies()
    window.set_viewport_size({"width": 1400, "height": 900})
    window.emulate_media(color_scheme="light", reduced_motion="no-preference")
    yield window
    window.goto("about:blank")
