"""A backend, a registry, and pushes that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sdk.exporters.backend import Backend
from tapewatch_sdk.exporters import Pushing, push
from tapewatch_sdk.instruments import MetricsRegistry

Start = Callable[..., Pushing]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine is set to push to is no concern of a test."""
    for name in ("GRAFANA_PUSH_URL", "GRAFANA_API_KEY", "ENVIRONMENT", "http_proxy", "https_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as running:
        yield running


@pytest.fixture
def registry() -> MetricsRegistry:
    return MetricsRegistry()


@pytest.fixture
def start(registry: MetricsRegistry) -> Iterator[Start]:
    """Starts pushing for the service `capture`; the next push is an hour away unless told otherwise."""
    begun: list[Pushing] = []

    def started(url: str | list[str] | None, **more: object) -> Pushing:
        settings = {"service": "capture", "registry": registry, "interval": 3600.0, **more}
        begun.append(push(url, **settings))  # type: ignore[arg-type]
        return begun[-1]

    yield started
    for each in begun:
        each.close(0.0)
