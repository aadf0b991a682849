"""The program of one worker; see `workers`."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from tapewatch.catalogue import Catalogue, load
from tapewatch.history.api import create_app
from tapewatch.history.serving.forwarding import Forwarder
from tapewatch.history.serving.http import UvicornServer, server_of
from tapewatch.history.serving.listening import gate_of
from tapewatch.history.serving.options import Options
from tapewatch.history.serving.process import logging_on, run_loop, settings_of, until_signal
from tapewatch.history.store import socket_of
from tapewatch.project import CATALOGUE

__all__ = ["main"]

LOOK_EVERY = 1.0


def main(words: Sequence[str]) -> None:
    """Serve until a signal comes, or until our parent is gone."""
    listener, parent, project, use_env, text = words
    options = Options.loads(text)
    loaded = load(Path(project) / CATALOGUE, os.environ if int(use_env) else {})
    logging_on(options, loaded.catalogue)
    run_loop(_serve(options, loaded.catalogue, socket.socket(fileno=int(listener)), int(parent)))


async def _serve(options: Options, catalogue: Catalogue, listener: socket.socket, parent: int) -> None:
    gate = gate_of(options, catalogue, options.workers)
    core = Forwarder(options.api_socket, socket_of(options.database))
    await core.start()
    server = server_of(create_app(core, gate, settings_of(catalogue)), core.hub, gate, options)
    watching = asyncio.get_running_loop().create_task(_orphaned(server, parent))
    try:
        with until_signal(server):
            await server.serve([listener])
    finally:
        watching.cancel()
        await core.stop()


async def _orphaned(server: UvicornServer, parent: int) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(LOOK_EVERY)
    server.should_exit = True


if __name__ == "__main__":
    main(sys.argv[1:])
