"""What all tests share: `support.parts` brings the marker `needs`, `pytester` runs pytest inside a test."""

from __future__ import annotations

import signal
from collections.abc import Generator
from typing import Any

import pytest

pytest_plugins = ["pytester", "support.started", "support.parts"]


def pytest_configure() -> None:
    """Started in the background of a shell, we ignore SIGINT, and the programs of our tests would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Some tests print halves of characters on purpose, which cannot be sent from one process of the run to another."""
    report: Any = yield
    report.sections = [(title, text.encode("utf-8", "replace").decode("utf-8")) for title, text in report.sections]
    return report  # type: ignore[no-any-return]
