"""From the start of the historian to the signal that ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.history.api import Settings, create_app
from tapewatch.history.api.access import Gate
from tapewatch.history.api.app import make_api
from tapewatch.history.api.shield import Shield
from tapewatch.history.serving import internal
from tapewatch.history.serving.historian import Historian, domains_of
from tapewatch.history.serving.http import UvicornServer, server_of
from tapewatch.history.serving.instruments import SERVICE
from tapewatch.history.serving.listening import check_tls, gate_of, listen, listen_at, url_of
from tapewatch.history.serving.options import Options
from tapewatch.history.serving.workers import Workers
from tapewatch_sdk.logs import configure_logs

__all__ = ["logging_on", "run_loop", "serve", "settings_of", "until_signal"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(options: Options, catalogue: Catalogue, project: Path, use_env: bool, say: Callable[[str], None]) -> None:
    """Scrape, store and answer until SIGINT or SIGTERM comes.

    Parameters:
        options: how.
        catalogue: what is scraped.
        project: the folder that the catalogue is from, for workers.
        use_env: whether it takes variables from the environment.
        say: is told where it listens, once it does.

    Raises:
        ProblemsError: it cannot be started so.
    """
    options.check()
    check_tls(options)
    gate = gate_of(options, catalogue)
    with contextlib.closing(listen(options)) as listener:
        logging_on(options, catalogue)
        run_loop(_run(options, catalogue, gate, listener, project, use_env, say))


async def _run(
    options: Options,
    catalogue: Catalogue,
    gate: Gate,
    listener: socket.socket,
    project: Path,
    use_env: bool,
    say: Callable[[str], None],
) -> None:
    historian = Historian(options, catalogue)
    settings = settings_of(catalogue)
    told = [lambda: say(url_of(listener, options.tls_key is not None))]
    try:
        await historian.start()
        if options.workers == 1:
            server = server_of(create_app(historian, gate, settings), historian.hub, gate, options)
            await _serve(server, listener, told)
            return
        with contextlib.closing(listen_at(options.api_socket)) as inner:
            workers = Workers(options, project, use_env, listener)
            inside = Gate(None)
            app = make_api(historian, inside, settings)
            app.include_router(internal.router(historian))
            # What goes over the inner socket was counted by the worker.
            server = server_of(Shield(app, inside), historian.hub, inside, options, tls=False)
            try:
                await _serve(server, inner, [workers.start, *told])
            finally:
                await workers.stop()
    finally:
        options.api_socket.unlink(missing_ok=True)
        await historian.stop()


async def _serve(server: UvicornServer, listener: socket.socket, then: list[Callable[[], None]]) -> None:
    """Answer at a socket until a signal comes; do something once that has begun."""
    with until_signal(server):
        serving = asyncio.get_running_loop().create_task(server.serve([listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        for each in then if server.started else ():
            each()
        await serving


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
    """Run to its end what serves, on the fastest event loop that is here."""
    with asyncio.Runner(loop_factory=_fastest()) as runner:
        runner.run(work)


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
