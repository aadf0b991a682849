"""Tracing into a receiver, switched off again after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sdk.tracing.otlp_receiver import OtlpReceiver
from tapewatch_sdk import tracing

Start = Callable[..., tracing.Tracing]


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def start(receiver: OtlpReceiver) -> Iterator[Start]:
    """Configures tracing for the service `risk-manager`, keeping every trace unless told otherwise."""
    begun: list[tracing.Tracing] = []

    def configured(sampling: float = 1.0, **more: object) -> tracing.Tracing:
        settings = {"team": "risk", "environment": "test", "endpoint": receiver.traces_url, **more}
        begun.append(tracing.configure("risk-manager", sampling=sampling, **settings))  # type: ignore[arg-type]
        return begun[-1]

    yield configured
    for each in begun:
        each.close(0.0)
