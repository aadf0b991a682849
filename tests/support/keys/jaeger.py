"""Jaeger 2, from 2.13 to 2.20: its configuration, and its file of sampling strategies.

A real Jaeger refuses unknown keys almost everywhere; below `telemetry.metrics.readers` it takes them without a word,
and a 2.20 is mostly not there to be asked. The keys stand in the structs of its source, under `mapstructure`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from support.keys.kinds import BOOLEAN, NAME, NUMBER, TEXT, URL, Finding, Keys, Kind, ListOf, MapOf, OneOf, Path, Text

__all__ = ["JAEGER", "SAMPLING", "check_jaeger", "check_sampling"]

_SOURCE = "Jaeger: cmd/jaeger"
_COLLECTOR = "OpenTelemetry Collector"

_GO_DURATION = Text(r"(\d+(\.\d+)?(ns|us|ms|s|m|h))+", "duration of Go's, which has no days")
_ADDRESS = Text(r"[^\s:]+:\d+", "address")
_SIGNAL = Text(r"(traces|metrics|logs)(/\w+)?", "pipeline")

_HTTP: dict[str, Kind] = {
    "endpoint": _ADDRESS,
    "max_request_body_size": NUMBER,
    "include_metadata": BOOLEAN,
    "read_timeout": _GO_DURATION,
    "read_header_timeout": _GO_DURATION,
    "write_timeout": _GO_DURATION,
    "idle_timeout": _GO_DURATION,
}
_HTTP_SERVER = Keys(f"{_COLLECTOR}: config/confighttp/server.go, ServerConfig", _HTTP)

_GRPC_SERVER = Keys(
    f"{_COLLECTOR}: config/configgrpc/configgrpc.go, ServerConfig",
    {"endpoint": _ADDRESS, "max_recv_msg_size_mib": NUMBER, "max_concurrent_streams": NUMBER},
)

_PATH = Keys(f"{_COLLECTOR} contrib: internal/healthcheck/internal/http/config.go", {"enabled": BOOLEAN, "path": TEXT})

_BADGER = Keys(
    "Jaeger: internal/storage/v1/badger/config.go",
    {
        "directories": Keys(
            "Jaeger: internal/storage/v1/badger/config.go, Directories",
            {"keys": TEXT, "values": TEXT},
            frozenset({"keys", "values"}),
        ),
        "ephemeral": BOOLEAN,
        "ttl": Keys("Jaeger: internal/storage/v1/badger/config.go, TTL", {"spans": _GO_DURATION}),
        "consistency": BOOLEAN,
        "maintenance_interval": _GO_DURATION,
        "metrics_update_interval": _GO_DURATION,
        "read_only": BOOLEAN,
    },
    frozenset({"directories", "ephemeral"}),
)

_PROMETHEUS = Keys(
    "Jaeger: internal/config/promcfg/config.go",
    {
        "endpoint": URL,
        "connect_timeout": _GO_DURATION,
        "token_file_path": TEXT,
        "token_override_from_context": BOOLEAN,
        "metric_namespace": TEXT,
        "latency_unit": OneOf(("ms", "s")),
        "normalize_calls": BOOLEAN,
        "normalize_duration": BOOLEAN,
    },
    frozenset({"endpoint"}),
)

_STORAGE_CONFIG = "Jaeger: cmd/internal/storageconfig/config.go"

_EXTENSIONS = Keys(
    f"{_SOURCE}/internal/extension",
    {
        "jaeger_storage": Keys(
            _STORAGE_CONFIG,
            {
                "backends": MapOf(NAME, Keys(_STORAGE_CONFIG, {"badger": _BADGER})),
                "metric_backends": MapOf(NAME, Keys(_STORAGE_CONFIG, {"prometheus": _PROMETHEUS})),
            },
            frozenset({"backends"}),
        ),
        "jaeger_query": Keys(
            f"{_SOURCE}/internal/extension/jaegerquery/internal/flags.go",
            {
                "storage": Keys(
                    f"{_SOURCE}/internal/extension/jaegerquery/config.go",
                    {"traces": NAME, "traces_archive": NAME, "metrics": NAME},
                    frozenset({"traces"}),
                ),
                "base_path": TEXT,
                "ui": Keys(f"{_SOURCE}/internal/extension/jaegerquery/internal/flags.go", {"config_file": TEXT}),
                "max_clock_skew_adjust": _GO_DURATION,
                "enable_tracing": BOOLEAN,
                "http": _HTTP_SERVER,
                "grpc": _GRPC_SERVER,
            },
            frozenset({"storage"}),
        ),
        "remote_sampling": Keys(
            f"{_SOURCE}/internal/extension/remotesampling/config.go",
            {
                "file": Keys(
                    f"{_SOURCE}/internal/extension/remotesampling/config.go, FileConfig",
                    {"path": TEXT, "reload_interval": _GO_DURATION, "default_sampling_probability": NUMBER},
                    frozenset({"path"}),
                ),
                "http": _HTTP_SERVER,
                "grpc": _GRPC_SERVER,
            },
        ),
        "healthcheckv2": Keys(
            f"{_COLLECTOR} contrib: internal/healthcheck/config.go",
            {
                "use_v2": BOOLEAN,
                "http": Keys(
                    f"{_COLLECTOR} contrib: internal/healthcheck/internal/http/config.go",
                    {**_HTTP, "status": _PATH, "config": _PATH},
                ),
                "grpc": _GRPC_SERVER,
            },
        ),
    },
)

_TELEMETRY = Keys(
    f"{_COLLECTOR}: service/telemetry/otelconftelemetry/config.go",
    {
        "resource": MapOf(OneOf(("service.name", "service.version", "service.instance.id")), TEXT),
        "logs": Keys(
            f"{_COLLECTOR}: service/telemetry/otelconftelemetry/config.go, LogsConfig",
            {"level": OneOf(("debug", "info", "warn", "error")), "encoding": OneOf(("console", "json"))},
        ),
        "metrics": Keys(
            f"{_COLLECTOR}: service/telemetry/otelconftelemetry/config.go, MetricsConfig",
            {
                "level": OneOf(("none", "basic", "normal", "detailed")),
                "readers": ListOf(
                    Keys(
                        "opentelemetry-configuration: schema/meter_provider, MetricReader",
                        {
                            "pull": Keys(
                                "opentelemetry-configuration: schema/meter_provider, PullMetricReader",
                                {
                                    "exporter": Keys(
                                        "opentelemetry-configuration: schema/meter_provider, PullMetricExporter",
                                        {
                                            "prometheus": Keys(
                                                "opentelemetry-go-contrib: otelconf/v0.3.0, Prometheus",
                                                {
                                                    "host": TEXT,
                                                    "port": NUMBER,
                                                    "without_scope_info": BOOLEAN,
                                                    "without_type_suffix": BOOLEAN,
                                                    "without_units": BOOLEAN,
                                                },
                                                frozenset({"host", "port"}),
                                            )
                                        },
                                    )
                                },
                                frozenset({"exporter"}),
                            )
                        },
                    )
                ),
            },
        ),
    },
)

JAEGER = Keys(
    f"{_COLLECTOR}: otelcol/config.go",
    {
        "service": Keys(
            f"{_COLLECTOR}: service/config.go",
            {
                "extensions": ListOf(NAME),
                "pipelines": MapOf(
                    _SIGNAL,
                    Keys(
                        f"{_COLLECTOR}: service/pipelines/config.go",
                        {"receivers": ListOf(NAME), "processors": ListOf(NAME), "exporters": ListOf(NAME)},
                        frozenset({"receivers", "exporters"}),
                    ),
                ),
                "telemetry": _TELEMETRY,
            },
            frozenset({"extensions", "pipelines"}),
        ),
        "extensions": _EXTENSIONS,
        "receivers": Keys(
            f"{_COLLECTOR}: receiver/otlpreceiver/config.go",
            {
                "otlp": Keys(
                    f"{_COLLECTOR}: receiver/otlpreceiver/config.go, Config",
                    {
                        "protocols": Keys(
                            f"{_COLLECTOR}: receiver/otlpreceiver/config.go, Protocols",
                            {"grpc": _GRPC_SERVER, "http": _HTTP_SERVER},
                        )
                    },
                )
            },
        ),
        "connectors": Keys(
            f"{_COLLECTOR} contrib: connector/spanmetricsconnector",
            {
                "spanmetrics": Keys(
                    f"{_COLLECTOR} contrib: connector/spanmetricsconnector/config.go",
                    {
                        "namespace": TEXT,
                        "metrics_flush_interval": _GO_DURATION,
                        "metrics_expiration": _GO_DURATION,
                        "exclude_dimensions": ListOf(TEXT),
                        "resource_metrics_cache_size": NUMBER,
                    },
                )
            },
        ),
        "exporters": Keys(
            f"{_SOURCE}/internal/exporters",
            {
                "jaeger_storage_exporter": Keys(
                    f"{_SOURCE}/internal/exporters/storageexporter/config.go",
                    # No `queue`: it would acknowledge from memory.
                    {"trace_storage": NAME},
                    frozenset({"trace_storage"}),
                ),
                "prometheus": Keys(
                    f"{_COLLECTOR} contrib: exporter/prometheusexporter/config.go",
                    {
                        **_HTTP,
                        "namespace": TEXT,
                        "const_labels": MapOf(TEXT, TEXT),
                        "send_timestamps": BOOLEAN,
                        "metric_expiration": _GO_DURATION,
                        "enable_open_metrics": BOOLEAN,
                        "add_metric_suffixes": BOOLEAN,
                    },
                    frozenset({"endpoint"}),
                ),
            },
        ),
    },
    frozenset({"service", "extensions", "receivers", "exporters"}),
)
"""`jaeger.yml`, with no key that 2.13 lacks."""

_STRATEGIES = "Jaeger: internal/sampling/samplingstrategy/file/strategy.go"

_STRATEGY: dict[str, Kind] = {"type": OneOf(("probabilistic", "ratelimiting")), "param": NUMBER}

SAMPLING = Keys(
    _STRATEGIES,
    {
        "default_strategy": Keys(_STRATEGIES, _STRATEGY, frozenset(_STRATEGY)),
        "service_strategies": ListOf(
            Keys(_STRATEGIES, {"service": TEXT, **_STRATEGY}, frozenset({"service", *_STRATEGY}))
        ),
    },
    frozenset({"default_strategy"}),
)
"""`sampling.json`; Jaeger leaves out what it does not know in it."""


def check_jaeger(data: Any) -> list[Finding]:
    """What a Jaeger would not understand in its configuration, and names that lead nowhere."""
    return list(JAEGER.findings(data, ())) or list(_lost(data))


def check_sampling(data: Any) -> list[Finding]:
    """What a Jaeger would not understand among its sampling strategies."""
    return list(SAMPLING.findings(data, ()))


def _lost(data: Any) -> Iterator[Finding]:
    """Components, and stores, that are named and not there."""
    connectors = _at(data, "connectors")
    for index, name in enumerate(_at(data, "service", "extensions") or ()):
        yield from _missing(name, _at(data, "extensions"), ("service", "extensions", index))
    for pipeline, parts in (_at(data, "service", "pipelines") or {}).items():
        for role in ("receivers", "exporters"):
            for index, name in enumerate(_at(parts, role) or ()):
                there = {**(_at(data, role) or {}), **(connectors or {})}
                yield from _missing(name, there, ("service", "pipelines", pipeline, role, index))
    stores = _at(data, "extensions", "jaeger_storage", "backends")
    metrics = _at(data, "extensions", "jaeger_storage", "metric_backends")
    for path, names in (
        (("extensions", "jaeger_query", "storage", "traces"), stores),
        (("extensions", "jaeger_query", "storage", "metrics"), metrics),
        (("exporters", "jaeger_storage_exporter", "trace_storage"), stores),
    ):
        yield from _missing(_at(data, *path), names, path)


def _missing(name: Any, names: Any, path: Path) -> Iterator[Finding]:
    if name is not None and name not in (names or {}):
        yield Finding(path, f"there is no `{name}`; there are {', '.join(map(str, names or {}))}")


def _at(data: Any, *path: str) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data
