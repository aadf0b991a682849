"""The services that push: by the SDK's exporters, with a word to the user when pushes begin to arrive or to fail."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tapewatch.simulating.plan import Plan, ServicePlan
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.exporters import Pushing, push
from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["Pushes", "Together", "is_url", "load", "whole"]

_METRICS = "/v1/metrics"
_REMOTE_WRITE = ("/write", "/push")

LOOK = 0.2
"""Seconds from one look at how pushes fare to the next."""

CLOSE_TIMEOUT = 1.0
"""Seconds that a service's end waits for the last push; the supervisor waits for five."""


def is_url(url: str) -> bool:
    """Whether it is a URL of http or https, with or without an exporter's name before it."""
    found = re.match(r"(?:(?:otlp|remote_write)\+)?(https?://.*)", url)
    with suppress(ValueError):
        return found is not None and bool(urlsplit(found[1]).hostname)
    return False


def whole(url: str) -> str:
    """A URL as the exporters take it: OTLP's `/v1/metrics` is added to what is no remote write and lacks it."""
    parts = urlsplit(url.removeprefix("otlp+"))
    path = parts.path.rstrip("/")
    if url.startswith("remote_write+") or (not url.startswith("otlp+") and path.endswith(_REMOTE_WRITE)):
        return url
    return f"otlp+{urlunsplit(parts._replace(path=path.removesuffix(_METRICS) + _METRICS))}"


def load(urls: Iterable[str]) -> None:
    """Load what pushes to these URLs need, as far as it is installed."""
    for url in map(whole, urls):
        with suppress(ImportError):
            if url.startswith("otlp+"):
                import tapewatch_sdk.exporters._otlp_request
            else:
                import tapewatch_sdk.exporters._write_request  # noqa: F401


class Together:
    """A registry whose numbers are read at one moment, between two changes.

    Parameters:
        registry: the registry.
        moment: held while numbers change that must be told together.
    """

    def __init__(self, registry: MetricsRegistry, moment: AbstractContextManager[object]) -> None:
        self._registry = registry
        self._moment = moment
        self.register, self.unregister = registry.register, registry.unregister

    def collect(self) -> list[Any]:
        """All families with their values."""
        with self._moment:
            return list(self._registry.collect())


class Pushes:
    """The pushes of one service, as long as its `with` block lasts.

    Parameters:
        plan: the whole platform, with the URLs.
        service: which service.
        registry: what is pushed.
        say: is told when pushes begin to arrive, begin to fail, or arrive again; never of every one.
    """

    def __init__(self, plan: Plan, service: ServicePlan, registry: Together, say: Callable[[str], None]) -> None:
        self._service = service.name
        self._say = say
        self._works: dict[str, bool] = {}
        self._end = threading.Event()
        self._pushing = [
            pushing
            for url in (plan.push_urls if service.push_interval else ())
            if (pushing := self._started(plan, service, registry, url)) is not None
        ]

    def _started(self, plan: Plan, service: ServicePlan, registry: Together, url: str) -> Pushing | None:
        try:
            return push(
                whole(url), service=service.name, team=service.team, environment=plan.environment, registry=registry,
                interval=service.push_interval, labels=service.labels,
            )  # fmt: skip
        except ProblemsError as error:  # without an extra the platform runs as well, and does not push there
            self._say(f"{service.name}: {error}")
            return None

    def __enter__(self) -> None:
        if self._pushing:
            threading.Thread(target=self._look, name="push", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for pushing in self._pushing:
            pushing.close(CLOSE_TIMEOUT)

    def _look(self) -> None:
        while not self._end.wait(LOOK):
            for pushing in self._pushing:
                self._note({url: counts.sent for url, counts in pushing.counts.items()}, pushing.failures)

    def _note(self, sent: Mapping[str, int], failures: Mapping[str, str]) -> None:
        for url, failure in failures.items():
            works = not failure
            if works == self._works.get(url) or (works and not sent[url]):
                continue
            self._works[url] = works
            if works:
                self._say(f"{self._service}: pushes arrive at {url}")
            else:
                self._say(f"{self._service}: cannot push to {url}, and goes on trying: {failure}")
