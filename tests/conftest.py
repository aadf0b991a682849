"""What all tests share: `support.parts` brings the marker `needs`, `pytester` runs pytest inside a test."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

pytest_plugins = ["pytester", "support.parts"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Some tests print halves of characters on purpose, which cannot be sent from one process of the run to another."""
    report: Any = yield
    report.sections = [(title, text.encode("utf-8", "replace").decode("utf-8")) for title, text in report.sections]
    return report  # type: ignore[no-any-return]
