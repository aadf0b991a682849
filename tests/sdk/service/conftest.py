"""Services in this process, ended after each test; and what they send to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sdk.events.receiver import Receiver
from sdk.tracing.otlp_receiver import OtlpReceiver
from tapewatch_sdk import Service, start_service
from tapewatch_sdk.instruments import MetricsRegistry, set_exemplar_source

Starting = Callable[..., Service]


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Takes spans and log records."""
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def api() -> Iterator[Receiver]:
    """Takes events."""
    with Receiver() as running:
        yield running


@pytest.fixture
def somewhere(receiver: OtlpReceiver, api: Receiver, tmp_path: Path) -> Mapping[str, str]:
    """The environment of a service that has somewhere to send everything to."""
    return {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.traces_url,
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": receiver.logs_url,
        "TAPEWATCH_API_URL": api.url,
        "TAPEWATCH_SPOOL": str(tmp_path / "spool"),
        "ENVIRONMENT": "test",
    }


@pytest.fixture
def starting() -> Iterator[Starting]:
    """Starts the service `risk-manager` on a free port, with a registry of its own and without log lines."""
    begun: list[Service] = []

    def started(**settings: Any) -> Service:
        given = {"port": 0, "registry": MetricsRegistry(), "stdout": False, "sampling": 1.0, **settings}
        begun.append(start_service("risk-manager", **given))
        return begun[-1]

    yield started
    for service in begun:
        service.close(1.0)
    set_exemplar_source(None)
