"""A pytest plugin with fixtures for programs that use the SDK; pytest loads it by itself where the SDK is installed.

Every name begins with `tapewatch_`, so that none takes the place of a fixture of one's own. Nothing of the SDK is
imported before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tapewatch_sdk.instruments import MetricsRegistry
    from tapewatch_sdk.serving import Server
    from tapewatch_sdk.testing.clock import FakeClock
    from tapewatch_sdk.testing.events import CapturedEvents

__all__ = ["tapewatch_clock", "tapewatch_events", "tapewatch_metrics_server", "tapewatch_registry"]


@pytest.fixture
def tapewatch_registry(monkeypatch: pytest.MonkeyPatch) -> MetricsRegistry:
    """A fresh, strict registry of instruments, which `default_registry()` gives for as long as the test lasts.

    An update that a running program would drop and count raises here. A module that has taken `REGISTRY` itself, or has
    made its instruments when it was imported, keeps what it has: let it make them in a function or a class.
    """
    from tapewatch_sdk.instruments import MetricsRegistry, registry

    fresh = MetricsRegistry(strict=True)
    monkeypatch.setattr(registry, "REGISTRY", fresh)
    return fresh


@pytest.fixture
def tapewatch_events() -> Iterator[CapturedEvents]:
    """An event bus that keeps what is published on it, and on `DEFAULT_BUS`, for as long as the test lasts."""
    from tapewatch_sdk.events import DEFAULT_BUS
    from tapewatch_sdk.testing.events import CapturedEvents

    captured = CapturedEvents()
    with captured.listening_to(DEFAULT_BUS):
        yield captured
    captured.close(1.0)


@pytest.fixture
def tapewatch_clock() -> Iterator[FakeClock]:
    """The clock of the SDK: it stands still until `advance`. What it drives stands at `FakeClock`."""
    from tapewatch_sdk.testing.clock import FakeClock

    with FakeClock().installed() as clock:
        yield clock


@pytest.fixture
def tapewatch_metrics_server(tapewatch_registry: MetricsRegistry) -> Iterator[Server]:
    """A server of `/metrics`, `/health` and `/ready` on a free port, with the values of `tapewatch_registry`."""
    from tapewatch_sdk.serving import serve

    server = serve(0, "127.0.0.1", registry=tapewatch_registry)
    yield server
    server.close()
