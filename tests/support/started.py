"""A pytest plugin: the suite `tests/beyond` names at its end every real program that it started, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

__all__ = ["note_started"]

SUITE = "tests/beyond/"

_PROPERTY = "started"

_noted: list[str] = []


def note_started(program: str) -> None:
    """Remembers that a test, or a fixture on its behalf, started a program.

    Parameters:
        program: name and version, such as `mimir-3.1.0`.
    """
    _noted.append(program)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Gives what was started since the last report to this one, which the other process of a run gets as well."""
    report: Any = yield
    if _noted and item.nodeid.startswith(SUITE):
        report.user_properties = [*report.user_properties, *((_PROPERTY, program) for program in _noted)]
    _noted.clear()
    return report  # type: ignore[no-any-return]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line a program."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    started = Counter(
        str(value)
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == _PROPERTY and getattr(report, "when", "") in ("setup", "call", "teardown")
    )
    if started:
        terminalreporter.section("beyond one machine: programs that were started")
        for program, times in sorted(started.items()):
            terminalreporter.write_line(f"{times:4} times {program}")
