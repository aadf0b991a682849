"""Where Jaeger keeps traces: on its own disk, or in servers that several Jaegers share."""

from __future__ import annotations

from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import Stack
from tapewatch.catalogue.tls import Tls
from tapewatch.catalogue.traces import TraceStore
from tapewatch.renderers.members import lettered
from tapewatch.renderers.where import Where
from tapewatch.schema.types import go_duration

__all__ = ["ANY", "backend", "jaegers", "reach_jaeger", "reach_jaegers"]

ANY = "jaeger-any"
"""Name that in compose stands for every Jaeger, where there are several."""

_PATIENCE = "10s"
"""How long a server of the store may take to answer; without an end, a span that it swallowed would hang for ever."""

_SAFE = 3
"""Copies of a span from which on it is acknowledged by most of those who keep it, and still with one of them dead."""


def backend(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    """The store, as an entry of Jaeger's `backends`."""
    store, kept = catalogue.stack.traces, go_duration(catalogue.stack.retention.traces)
    if store is not None:
        return {"cassandra": _cassandra(store, kept)}
    data = where.data["jaeger"]
    return {
        "badger": {
            "directories": {"keys": f"{data}/keys", "values": f"{data}/values"},
            "ephemeral": False,
            "ttl": {"spans": kept},
        }
    }


def jaegers(stack: Stack, where: Where) -> tuple[str, ...]:
    """The names of the Jaegers, the first one first; several only where each has a place of its own."""
    count = stack.traces.replicas if stack.traces and where.several_jaegers else 1
    return lettered("jaeger", count)


def reach_jaeger(stack: Stack, where: Where, port: str) -> str:
    """`host:port` under which whichever Jaeger is alive is reached."""
    if len(jaegers(stack, where)) == 1:
        return where.reach(port)
    return f"{ANY}:{where.port(port)}"


def reach_jaegers(stack: Stack, where: Where, port: str) -> list[str]:
    """`host:port` of each Jaeger."""
    names = jaegers(stack, where)
    return [where.reach(port)] if len(names) == 1 else [f"{name}:{where.port(port)}" for name in names]


def _cassandra(store: TraceStore, kept: str) -> dict[str, Any]:
    return {
        "schema": {
            "keyspace": store.keyspace,
            "create": store.create,
            "datacenter": store.datacenter,
            "replication_factor": store.replication,
            "trace_ttl": kept,
            "dependencies_ttl": kept,
        },
        "connection": {
            "servers": list(store.servers),
            "local_dc": store.datacenter,
            "timeout": _PATIENCE,
            "reconnect_interval": _PATIENCE,
            **_sign_in(store),
            "tls": _tls(store.tls) if store.tls else {"insecure": True},
        },
        "query": {
            "timeout": _PATIENCE,
            "consistency": "LOCAL_QUORUM" if store.replication >= _SAFE else "LOCAL_ONE",
        },
    }


def _sign_in(store: TraceStore) -> dict[str, Any]:
    """The password stays in its file, which Jaeger reads when it starts."""
    if store.username is None:
        return {}
    return {"auth": {"basic": {"username": store.username, "password": f"${{file:{store.password_file}}}"}}}


def _tls(tls: Tls) -> dict[str, Any]:
    names = {"server_name": "server_name_override"}
    return {names.get(key, key): value for key, value in tls.model_dump(exclude_defaults=True).items()}
