"""What an OTLP endpoint must be, checked when the program starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["checked_url", "needs_opentelemetry"]


def checked_url(url: str, variable: str, example: str) -> str:
    """The URL, which must be whole.

    Parameters:
        url: what was given.
        variable: the environment variable that it may come from.
        example: one that is right.

    Raises:
        ProblemsError: it is not http or https, has no host, or no path.
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path.strip("/") != ""
        whole = whole and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if whole:
        return url
    raise ProblemsError(
        [
            Problem(
                "otlp/bad-endpoint",
                f"{_without_user(url)!r} is no endpoint",
                must="a whole http or https URL, with the path that the server has for it",
                fix=f"write, say, {example}",
                where=Place(path=variable),
            )
        ]
    )


def _without_user(url: str) -> str:
    return url.rpartition("@")[2]


@contextmanager
def needs_opentelemetry(endpoint: str) -> Iterator[None]:
    """Around the imports of OpenTelemetry: says what to install when it is not there.

    Parameters:
        endpoint: what it is needed for.

    Raises:
        ProblemsError: it is not installed, or too old.
    """
    try:
        yield
    except ImportError as error:
        raise ProblemsError(
            [
                Problem(
                    "otlp/not-installed",
                    f"nothing can be sent to {_without_user(endpoint)}: {error}",
                    must="with an OTLP endpoint, the extra `otel` must be installed",
                    fix="install `tapewatch[otel]`, or set no endpoint",
                )
            ]
        ) from error
