"""Alloy 1.18: components, blocks, arguments, and what is exported to what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from support.keys.alloy_syntax import File, Reference, parse
from support.keys.kinds import (
    BOOLEAN,
    DURATION,
    NUMBER,
    TEXT,
    URL,
    Blocks,
    Finding,
    Keys,
    Kind,
    ListOf,
    MapOf,
    OneOf,
    Path,
    Text,
)

__all__ = ["ALLOY", "FLAGS", "check_alloy"]

_DOCS = "Alloy: docs/sources/reference"
_PROCESS = f"{_DOCS}/components/loki/loki.process.md"
_WRITE = f"{_DOCS}/components/loki/loki.write.md"

FLAGS = frozenset(
    [
        "server.http.enable-pprof", "server.http.memory-addr", "server.http.listen-addr", "server.http.ui-path-prefix",
        "storage.path", "disable-reporting", "stability.level", "config.format", "cluster.enabled",
    ]
)  # fmt: skip
"""Flags of `alloy run`: docs/sources/reference/cli/run.md in Alloy's repository."""

_EXPORTS = {
    "discovery.docker": {"targets"},
    "discovery.relabel": {"output", "rules"},
    "loki.process": {"receiver"},
    "loki.relabel": {"receiver", "rules"},
    "loki.write": {"receiver"},
}
"""What each component exports: the section "Exported fields" of its page."""

_META = (
    "container_id", "container_name", "container_network_mode", "container_label_com_docker_compose_service",
    "container_label_com_docker_compose_project", "network_id", "network_ip", "network_name", "port_private",
)  # fmt: skip
"""Labels of a container that `discovery.docker` finds, after `__meta_docker_`; compose sets the two of its own."""

_FIELDS = OneOf(
    ("timestamp", "level", "service", "environment", "correlation_id", "trace_id", "span_id", "logger", "message")
)
"""Fields of a JSON log line, as the SDK writes it: docs/sdk/logs.md."""


@dataclass(frozen=True)
class _Export:
    """A reference to what some components export under one name."""

    allowed: tuple[tuple[str, str], ...]

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(value, Reference) or (value.component, value.export) not in self.allowed:
            wanted = " or ".join(f"{component}.NAME.{export}" for component, export in self.allowed)
            yield Finding(path, f"{value!r} is no reference to {wanted}")


@dataclass(frozen=True)
class _Repeated:
    """Blocks of one name."""

    each: Kind

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(value, Blocks):
            yield Finding(path, f"`{path[-1]}` is a block, and no attribute")
            return
        for index, body in enumerate(value):
            yield from self.each.findings(body, (*path, index))


def _component(page: str, known: dict[str, Kind], *required: str) -> Kind:
    """A component, which has a label."""
    label = Text(r"[A-Za-z_][A-Za-z0-9_]*", "label")
    return MapOf(label, Keys(f"{_DOCS}/components/{page}", known, frozenset(required)))


def _block(documented: str, known: dict[str, Kind], *required: str) -> Kind:
    return _Repeated(Keys(documented, known, frozenset(required)))


_TARGETS = _Export((("discovery.docker", "targets"), ("discovery.relabel", "output")))
_RECEIVERS = ListOf(_Export((("loki.process", "receiver"), ("loki.relabel", "receiver"), ("loki.write", "receiver"))))
_SOCKET = Text(r"(unix:///|tcp://|https?://).+", "address of a Docker daemon")

_RULE = _block(
    "Alloy: docs/sources/shared/reference/components/rule-block.md",
    {
        "action": OneOf(
            (
                "drop", "dropequal", "hashmod", "keep", "keepequal", "labeldrop", "labelkeep", "labelmap", "lowercase",
                "replace", "uppercase",
            )
        ),
        "modulus": NUMBER,
        "regex": TEXT,
        "replacement": TEXT,
        "separator": TEXT,
        "source_labels": ListOf(OneOf([f"__meta_docker_{name}" for name in _META])),
        # Few labels: each combination of their values is a stream of Loki's.
        "target_label": OneOf(("service", "environment")),
    },
)  # fmt: skip

_STAGES: dict[str, Kind] = {
    "stage.json": _block(
        f"{_PROCESS}#stagejson",
        {"expressions": MapOf(_FIELDS, Text(r".*", "text")), "regex": TEXT, "drop_malformed": BOOLEAN, "source": TEXT},
    ),
    "stage.labels": _block(
        f"{_PROCESS}#stagelabels",
        {"values": MapOf(OneOf(("level",)), Text(r".*", "text")), "source_type": OneOf(("extracted",))},
        "values",
    ),
    "stage.static_labels": _block(f"{_PROCESS}#stagestatic_labels", {"values": MapOf(TEXT, TEXT)}, "values"),
    "stage.structured_metadata": _block(
        f"{_PROCESS}#stagestructured_metadata", {"values": MapOf(_FIELDS, Text(r".*", "text")), "regex": TEXT}
    ),
    "stage.timestamp": _block(
        f"{_PROCESS}#stagetimestamp",
        {
            "source": _FIELDS,
            "format": OneOf(("RFC3339", "RFC3339Nano", "Unix", "UnixMs", "UnixUs", "UnixNs")),
            "action_on_failure": OneOf(("fudge", "skip")),
            "action_on_duplicate_timestamp": OneOf(("fudge", "ignore")),
            "fallback_formats": ListOf(TEXT),
            "location": TEXT,
        },
        "source",
        "format",
    ),
    "stage.output": _block(f"{_PROCESS}#stageoutput", {"source": _FIELDS}, "source"),
}

ALLOY = Keys(
    f"{_DOCS}/components",
    {
        "logging": Keys(
            f"{_DOCS}/config-blocks/logging.md",
            {
                "level": OneOf(("error", "warn", "info", "debug")),
                "format": OneOf(("logfmt", "json")),
                "destination": OneOf(("stderr",)),
                "write_to": _RECEIVERS,
            },
        ),
        "discovery.docker": _component(
            "discovery/discovery.docker.md",
            {
                "host": _SOCKET,
                "refresh_interval": DURATION,
                "port": NUMBER,
                "host_networking_host": TEXT,
                "match_first_network": BOOLEAN,
                "filter": _block(
                    f"{_DOCS}/components/discovery/discovery.docker.md#filter",
                    {"name": TEXT, "values": ListOf(TEXT)},
                    "name",
                    "values",
                ),
            },
            "host",
        ),
        "discovery.relabel": _component(
            "discovery/discovery.relabel.md", {"targets": _TARGETS, "rule": _RULE}, "targets"
        ),
        "loki.source.docker": _component(
            "loki/loki.source.docker.md",
            {
                "host": _SOCKET,
                "targets": _TARGETS,
                "forward_to": _RECEIVERS,
                "labels": MapOf(TEXT, TEXT),
                "relabel_rules": _Export((("discovery.relabel", "rules"), ("loki.relabel", "rules"))),
                "refresh_interval": DURATION,
            },
            "host",
            "targets",
            "forward_to",
        ),
        "loki.process": _component(
            "loki/loki.process.md", {"forward_to": _RECEIVERS, **_STAGES}, "forward_to"
        ),
        "loki.write": _component(
            "loki/loki.write.md",
            {
                "endpoint": _block(
                    f"{_WRITE}#endpoint",
                    {
                        "url": URL,
                        "name": TEXT,
                        "tenant_id": TEXT,
                        "batch_size": TEXT,
                        "batch_wait": DURATION,
                        "bearer_token_file": TEXT,
                        "headers": MapOf(TEXT, TEXT),
                        "max_backoff_period": DURATION,
                        "max_backoff_retries": NUMBER,
                        "min_backoff_period": DURATION,
                        "remote_timeout": DURATION,
                        "retry_on_http_429": BOOLEAN,
                    },
                    "url",
                ),
                "external_labels": MapOf(TEXT, TEXT),
                "max_streams": NUMBER,
            },
        ),
    },
)  # fmt: skip
"""Every component that a file of ours has, and others that it might have."""


def check_alloy(text: str) -> list[Finding]:
    """What Alloy would not understand in a file.

    Raises:
        ValueError: it is no file of Alloy's at all.
    """
    file = parse(text)
    found = [*ALLOY.findings(file.data, ()), *_lost(file.data, file.data, ())]
    return [replace(each, line=_line(file, each.path)) for each in found]


def _lost(value: Any, components: dict[str, Any], path: Path) -> Iterator[Finding]:
    """References to a component that is not in the file, or to what it does not export."""
    if isinstance(value, Reference):
        if value.label not in components.get(value.component, {}):
            yield Finding(path, f'there is no {value.component} "{value.label}"')
        elif value.export not in _EXPORTS.get(value.component, set()):
            yield Finding(path, f"{value.component} exports no `{value.export}`")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _lost(each, components, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _lost(each, components, (*path, index))


def _line(file: File, path: Path) -> int:
    """The line of the name that is nearest to a path, from its end up."""
    lines = {name.path: name.line for name in file.names}
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 0)
