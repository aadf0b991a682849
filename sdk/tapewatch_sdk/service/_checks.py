"""What can be wrong with a start, looked at before anything is started: so all of it can be told at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.exporters._urls import PUSH_URL, targets
from tapewatch_sdk.logs import _configure as of_logs
from tapewatch_sdk.problems import Place, Problem
from tapewatch_sdk.sending.endpoint import checked_url, needs_opentelemetry
from tapewatch_sdk.tracing import _configure as of_tracing

__all__ = ["Wrong", "check_level", "check_logs", "check_name", "check_push", "check_sampling", "check_traces"]

P = ParamSpec("P")
T = TypeVar("T")


class Wrong:
    """Gathers problems, so that a program that is wrong in three places says so once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def tried(self, do: Callable[P, T], *arguments: P.args, **settings: P.kwargs) -> T | None:
        """What a function gives; None when it found problems, which are kept."""
        try:
            return do(*arguments, **settings)
        except ProblemsError as error:
            self._found += error.problems
            return None

    def tell(self) -> None:
        """Raise them all, if there are any.

        Raises:
            ProblemsError: with each of them, once.
        """
        if self._found:
            raise ProblemsError(dict.fromkeys(self._found))


def check_name(name: object) -> None:
    """A service has a name.

    Raises:
        ProblemsError: this one has none.
    """
    if not isinstance(name, str) or not name.strip():
        raise ProblemsError(
            [
                Problem(
                    "service/no-name",
                    f"{name!r} is no name of a service",
                    must="a text, the name that the service has in the catalogue",
                    fix='write, say, `start_service("risk-manager", port=9093)`',
                    where=Place(path="name"),
                )
            ]
        )


def check_sampling(sampling: float) -> None:
    """A share of traces, as `tracing.configure` wants it; raises as it does."""
    of_tracing._share(sampling)


def check_traces() -> None:
    """The endpoints of tracing in the environment, and what they need; raises as `tracing.configure` does."""
    if endpoint := _endpoint(of_tracing.ENDPOINT):
        checked_url(endpoint, of_tracing.ENDPOINT, "http://jaeger:4318/v1/traces")
        if sampling_url := os.environ.get(of_tracing.SAMPLING, ""):
            checked_url(sampling_url, of_tracing.SAMPLING, "http://jaeger:5778/sampling")
        with needs_opentelemetry(endpoint):
            from tapewatch_sdk.tracing import _recording as _recording


def check_logs() -> None:
    """The endpoint of logs in the environment, and what it needs; raises as `configure_logs` does."""
    if endpoint := _endpoint(of_logs.ENDPOINT):
        checked_url(endpoint, of_logs.ENDPOINT, "http://loki:3100/otlp/v1/logs")
        with needs_opentelemetry(endpoint):
            from tapewatch_sdk.logs import _otlp as _otlp


def check_level(level: int | str) -> None:
    """A level of log lines; raises as `configure_logs` does."""
    of_logs._level(level)


def check_push(urls: str | Sequence[str] | None) -> None:
    """The URLs to push to; raises as `push` does."""
    targets(os.environ.get(PUSH_URL, "") if urls is None else urls)


def _endpoint(variable: str) -> str:
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return "" if disabled else os.environ.get(variable, "")
