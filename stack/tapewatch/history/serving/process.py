"""What the historian and its workers have in common: event loop, signals, log lines, what the app is told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from importlib.metadata import version
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.history.api import Settings
from tapewatch.history.serving.http import UvicornServer
from tapewatch.history.serving.options import Options
from tapewatch_sdk.logs import configure_logs

__all__ = ["SERVICE", "allow_files", "domains_of", "logging_on", "run_loop", "settings_of", "until_signal"]

SERVICE = "api"
"""What the catalogue calls this service."""

FILES = 16_384
"""Files that are enough: four for each connection that is taken."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def until_signal(server: UvicornServer) -> Iterator[None]:
    """Lets a signal end a server; a second one ends it at once."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    for number in SIGNALS:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run to its end what serves, on the fastest event loop that is here, with as many files as it may have open."""
    allow_files()
    with asyncio.Runner(loop_factory=_fastest()) as runner:
        runner.run(work)


def allow_files() -> None:
    """Let this process have as many files open as it may: often 1,024 are set, and each client takes one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (min(most, FILES) if most != resource.RLIM_INFINITY else FILES, most)
        )


def _fastest() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def settings_of(catalogue: Catalogue) -> Settings:
    """What the app is told."""
    return Settings(domains_of(catalogue), version("tapewatch"))


def logging_on(options: Options, catalogue: Catalogue) -> None:
    """Log as every service does: JSON lines to standard output."""
    service = catalogue.services.get(SERVICE)
    configure_logs(
        SERVICE,
        catalogue.environment,
        team=service.team if service is not None else "",
        level=options.log_level.upper(),
        stdout=sys.stdout,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.INFO if options.access_log else logging.CRITICAL)


def domains_of(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """The metrics of each domain, as they are stored; of a histogram what is counted and summed up."""
    found: dict[str, list[str]] = {}
    for family in catalogue.families.values():
        found.setdefault(family.domain, []).extend(_plotted(family.series_names))
    return {domain: tuple(names) for domain, names in found.items()}


def _plotted(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.endswith("_bucket")]
