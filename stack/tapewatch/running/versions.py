"""Which version of a program runs: what the server itself says, else what its image says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from tapewatch.running.clients import Alertmanager, Grafana, Loki, Prometheus
from tapewatch.running.containers import GOOD, Container, state_of
from tapewatch.running.freshness import part_of
from tapewatch.running.project import Service
from tapewatch_sdk.errors import ToolError

__all__ = ["version_of"]

_ASK: Mapping[str, Callable[[str], str]] = {
    "prometheus": lambda url: Prometheus(url).version(),
    "alertmanager": lambda url: Alertmanager(url).version(),
    "loki": lambda url: Loki(url).version(),
    "grafana": lambda url: Grafana(url).version(),
}
"""How a service of the stack is asked over its API; Jaeger and the exporters do not tell over what is published."""


def version_of(service: Service, container: Container) -> str:
    """The version that runs, without a leading `v`; where nobody tells, the one that the image's tag promises."""
    url = container.url(service)
    part = part_of(service.name)
    if part in _ASK and url and state_of(service, container) in GOOD:
        with suppress(ToolError, ValueError, KeyError, TypeError):
            return _ASK[part](url).removeprefix("v")
    return container.labelled_version or service.pinned
