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


WAITING = frozenset({"e2e", "faults", "beyond"})
"""Rooms whose tests wait for servers most of the time."""

EARLIER = 0.8
"""How soon the last file that waits begins, of the whole run: no long one is left alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spreads the files that wait among those that compute, so that the processes of a run do not all do the same."""
    files = list(dict.fromkeys(item.path for item in items))
    waiting = [path for path in files if WAITING.intersection(path.parts)]
    computing = [path for path in files if not WAITING.intersection(path.parts)]
    place = {path: EARLIER * number / len(waiting) for number, path in enumerate(waiting)}
    place |= {path: number / len(computing) for number, path in enumerate(computing)}
    items.sort(key=lambda item: place[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Some tests print halves of characters on purpose, which cannot be sent from one process of the run to another."""
    report: Any = yield
    report.sections = [(title, text.encode("utf-8", "replace").decode("utf-8")) for title, text in report.sections]
    return report  # type: ignore[no-any-return]
