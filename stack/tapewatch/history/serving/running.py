"""From the start of the historian to the signal that ends it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

from tapewatch.catalogue import Catalogue
from tapewatch.history.api import create_app
from tapewatch.history.api.access import Gate
from tapewatch.history.api.app import make_api
from tapewatch.history.api.bodies import inside
from tapewatch.history.api.shield import Shield
from tapewatch.history.serving import internal
from tapewatch.history.serving.historian import Historian
from tapewatch.history.serving.http import UvicornServer, server_of
from tapewatch.history.serving.listening import check_tls, gate_of, listen, listen_at, url_of
from tapewatch.history.serving.options import Options
from tapewatch.history.serving.process import logging_on, run_loop, settings_of, until_signal
from tapewatch.history.serving.workers import Workers

__all__ = ["serve"]


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
            open_gate = Gate(None)
            app = make_api(historian, open_gate, settings)
            app.include_router(internal.router(historian))
            # What goes over the inner socket was counted by the worker.
            server = server_of(Shield(app, open_gate, limit=inside), historian.hub, open_gate, options, tls=False)
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
