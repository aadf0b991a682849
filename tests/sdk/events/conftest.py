"""A bus of its own for each test, closed again after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from sdk.events.receiver import Receiver
from tapewatch_sdk.events import EventBus


@pytest.fixture
def bus() -> Iterator[EventBus]:
    made = EventBus()
    yield made
    made.close(timeout=0.0)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns as often as the interpreter lets them, not every 5 ms."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
