"""The one call that starts a service: all of it, or nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TextIO

from tapewatch_sdk import logs, tracing
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import AUDIT_TYPES, TRADE_TYPES, EventBus, SpooledSink
from tapewatch_sdk.exporters import push
from tapewatch_sdk.instruments import MetricsRegistry, default_registry, set_exemplar_source
from tapewatch_sdk.problems import Place, Problem
from tapewatch_sdk.service._audit import audit_spool
from tapewatch_sdk.service._checks import (
    Wrong,
    check_level,
    check_logs,
    check_name,
    check_push,
    check_sampling,
    check_traces,
)
from tapewatch_sdk.service._service import CLOSE_TIMEOUT, Parts, Running, Service
from tapewatch_sdk.serving import Check, Server, serve

__all__ = ["start_service"]

ENVIRONMENT = "ENVIRONMENT"
"""Environment variable with the environment, where the program gives none."""

_UNDONE = 1.0
"""Seconds that each part of a start that has failed may take to end."""

_last: Service | None = None


def start_service(
    name: str,
    port: int | None,
    *,
    team: str = "",
    environment: str | None = None,
    address: str | None = None,
    registry: MetricsRegistry | None = None,
    health: Mapping[str, Check] | None = None,
    ready: Mapping[str, Check] | None = None,
    level: int | str = "info",
    stdout: TextIO | bool = True,
    sampling: float = 0.1,
    api_url: str | None = None,
    api_token: str | os.PathLike[str] | None = None,
    spool: str | os.PathLike[str] | None = None,
    push_url: str | Sequence[str] | None = None,
    push_interval: float = 15.0,
    labels: Mapping[str, str] | None = None,
    handle_signals: bool = True,
    close_timeout: float = CLOSE_TIMEOUT,
) -> Service:
    """Start all that makes a program observable. From then on nothing of it raises, or holds the program up.

    It serves `/metrics`, `/health` and `/ready`; sends spans where `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` says; writes
    log lines as JSON, and sends them where `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` says; gives histograms exemplars; has an
    event bus, whose audit trail goes to the project's API by way of the disk; pushes metrics where `GRAFANA_PUSH_URL`
    says. What has no address is off. `docs/sdk/service.md` tells how it ends, and of signals, event loops and forks.

    Parameters:
        name: the service, as in the catalogue.
        port: where it is scraped; 0 for any that is free, None for a service that is not scraped.
        team: who owns it.
        environment: by default what `ENVIRONMENT` says.
        address: the address to listen on, see `serve`.
        registry: its instruments; by default the SDK's own default registry.
        health, ready: checks by name, see `serve`; `/ready` has `running` besides.
        level: log lines below it are left out.
        stdout: whether log lines are written to standard output, or the stream that takes its place.
        sampling: share of the traces beginning here that is kept.
        api_url, api_token, spool: the project's API, its token (or a path to it), and the folder where events wait
            until it has them; by default `TAPEWATCH_API_URL`, `TAPEWATCH_API_TOKEN` (or `TAPEWATCH_API_TOKEN_FILE`)
            and `TAPEWATCH_SPOOL`.
        push_url, push_interval: where metrics are pushed to, by default what `GRAFANA_PUSH_URL` says; and seconds from
            one push to the next.
        labels: further labels of all that is pushed.
        handle_signals: whether SIGTERM closes the service where nobody else handles it.
        close_timeout: seconds that the end of the service may take.

    Raises:
        ProblemsError: with all that is wrong. Nothing is left running then.
    """
    environment = os.environ.get(ENVIRONMENT, "") if environment is None else environment
    registry = default_registry() if registry is None else registry
    running, wrong = Running(), Wrong()
    ready = {**(ready or {}), "running": running}
    with ExitStack() as undo:
        for check in (_check_alone, partial(check_name, name), check_traces, check_logs):
            wrong.tried(check)
        wrong.tried(check_level, level)
        wrong.tried(check_sampling, sampling)
        wrong.tried(check_push, push_url)
        kept = wrong.tried(_spool, undo, api_url, api_token, spool)
        server = wrong.tried(_server, undo, port, partial(serve, address=address, registry=registry), health, ready)
        wrong.tell()
        pushing = push(
            push_url, service=name, team=team, environment=environment, registry=registry, interval=push_interval,
            labels=labels,
        )  # fmt: skip
        undo.callback(pushing.close, _UNDONE)
        traces = tracing.configure(name, team, environment, sampling=sampling)
        undo.callback(traces.close, _UNDONE)
        undo.callback(_logging_as_it_is())
        lines = logs.configure_logs(name, environment, team=team, level=level, stdout=stdout)
        undo.callback(lines.close)
        parts = Parts(registry, _bus(name, kept), kept, server, pushing, traces, lines, running)
        return _begun(undo, Service(name, team, environment, parts, close_timeout), handle_signals)


def _begun(undo: ExitStack, service: Service, handle_signals: bool) -> Service:
    global _last
    undo.callback(service.abort)
    set_exemplar_source(tracing.current_exemplar)
    service.begin(handle_signals)
    _last = service
    undo.pop_all()
    return service


def _check_alone() -> None:
    """Tracing, logs and the source of exemplars are there once in a process."""
    if _last is None or not _last.open:
        return
    raise ProblemsError(
        [
            Problem(
                "service/running",
                f"`{_last.name}` runs in this process already",
                must="one service in a process at a time: traces and log lines carry its name",
                fix="close it first; or start what else is needed alone, with `serve`, `push` and the like",
                where=Place(path=_last.name),
            )
        ]
    )


def _spool(
    undo: ExitStack,
    url: str | None,
    token: str | os.PathLike[str] | None,
    folder: str | os.PathLike[str] | None,
) -> SpooledSink | None:
    kept = audit_spool(url, token, folder)
    if kept is not None:
        undo.callback(kept.close, _UNDONE)
    return kept


def _server(
    undo: ExitStack,
    port: int | None,
    serving: Callable[..., Server],
    health: Mapping[str, Check] | None,
    ready: Mapping[str, Check],
) -> Server | None:
    if port is None:
        return None
    server = serving(port, health=health, ready=ready)
    undo.callback(server.close)
    return server


def _bus(name: str, kept: SpooledSink | None) -> EventBus:
    bus = EventBus(source=name)
    if kept is not None:
        bus.attach(kept, types=AUDIT_TYPES | TRADE_TYPES)
    return bus


def _logging_as_it_is() -> Callable[[], None]:
    """Gives a function that makes the root logger again what it is now."""
    root = logging.getLogger()
    handlers, level = root.handlers.copy(), root.level

    def restore() -> None:
        root.handlers[:] = handlers
        root.setLevel(level)

    return restore
