"""Jaeger 2: takes spans by OTLP, keeps them on its disk or in servers, and counts and times them for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.documents import dump
from tapewatch.renderers.jaeger_storage import backend
from tapewatch.renderers.where import Locate, Where, compose
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["JaegerRenderer"]

_TRACES = "traces"
_METRICS = "prometheus"
"""Names that the configuration gives to its stores."""


class JaegerRenderer:
    """`jaeger/jaeger.yml` and `jaeger/sampling.json`.

    Parameters:
        locate: where the parts of the stack are; in compose, unless told otherwise.
    """

    name = "jaeger"
    api_version = API_VERSION

    def __init__(self, locate: Locate = compose) -> None:
        self._locate = locate

    def render(self, request: Request) -> Iterator[File]:
        """The configuration and the sampling strategies, which a running Jaeger reads again by itself."""
        catalogue = cast(Catalogue, request.catalogue)
        where = self._locate(catalogue.stack.ports)
        yield File(f"{layout.JAEGER}/jaeger.yml", dump(_configuration(catalogue, where), layout.HEADER))
        yield File(f"{layout.JAEGER}/sampling.json", json.dumps(_sampling(catalogue), indent=2) + "\n")


def _configuration(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    return {
        "service": _service(where),
        "extensions": _extensions(catalogue, where),
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": where.listen("otlp_grpc")},
                    "http": {"endpoint": where.listen("otlp_http")},
                }
            }
        },
        "connectors": {"spanmetrics": {"metrics_flush_interval": "15s"}},
        "exporters": {
            "jaeger_storage_exporter": {"trace_storage": _TRACES},
            "prometheus": {"endpoint": where.listen("span_metrics")},
        },
    }


def _service(where: Where) -> dict[str, Any]:
    reader = {"host": where.listening, "port": where.port("jaeger_metrics")}
    return {
        "extensions": ["jaeger_storage", "jaeger_query", "remote_sampling", "healthcheckv2"],
        "pipelines": {
            # Neither batch processor nor queue: what is acknowledged is where it is kept, not in memory.
            "traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter", "spanmetrics"]},
            "metrics/spanmetrics": {"receivers": ["spanmetrics"], "exporters": ["prometheus"]},
        },
        "telemetry": {
            "resource": {"service.name": "jaeger"},
            "metrics": {"level": "detailed", "readers": [{"pull": {"exporter": {"prometheus": reader}}}]},
            "logs": {"level": "warn"},
        },
    }


def _extensions(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    prometheus = {
        "endpoint": f"http://{where.reach('prometheus')}",
        "normalize_calls": True,
        "normalize_duration": True,
    }
    return {
        "jaeger_storage": {
            "backends": {_TRACES: backend(catalogue, where)},
            "metric_backends": {_METRICS: {"prometheus": prometheus}},
        },
        "jaeger_query": {
            "storage": {"traces": _TRACES, "metrics": _METRICS},
            "http": {"endpoint": where.listen("jaeger")},
            "grpc": {"endpoint": where.listen("jaeger_grpc")},
        },
        "remote_sampling": {
            "file": {"path": f"{where.config['jaeger']}/sampling.json", "reload_interval": "30s"},
            "http": {"endpoint": where.listen("jaeger_sampling")},
        },
        "healthcheckv2": {"use_v2": True, "http": {"endpoint": where.listen("jaeger_health")}},
    }


def _sampling(catalogue: Catalogue) -> dict[str, Any]:
    """The share of traces that services keep: the default, and what differs from it."""
    strategies = [
        {"service": name, "type": "probabilistic", "param": service.traces.sampling}
        for name, service in sorted(catalogue.services.items())
        if service.traces != catalogue.defaults.traces
    ]
    default = {"type": "probabilistic", "param": catalogue.defaults.traces.sampling}
    return {"default_strategy": default, "service_strategies": strategies}
