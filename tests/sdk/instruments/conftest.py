"""Registries for the tests of the instruments; each test that takes one runs with both kinds of cells."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tapewatch_sdk.instruments import MetricsRegistry, set_exemplar_source


@pytest.fixture(params=[False, True], ids=["one-cell", "cell-per-thread"])
def cell_per_thread(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def registry(cell_per_thread: bool) -> MetricsRegistry:
    return MetricsRegistry("live", cell_per_thread=cell_per_thread)


@pytest.fixture
def strict(cell_per_thread: bool) -> MetricsRegistry:
    return MetricsRegistry("live", strict=True, cell_per_thread=cell_per_thread)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns as often as the interpreter lets them, not every 5 ms."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def no_exemplar_source() -> Iterator[None]:
    """Whatever source a test sets is gone after it."""
    yield
    set_exemplar_source(None)
