"""Further processes that answer; one that dies is started again."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tapewatch.history.serving.options import Options

__all__ = ["Workers", "command_of"]

STOP_TIMEOUT = 10.0
"""Seconds that a worker has to end, before it is killed; answers under way have five."""

PAUSE = 1.0
"""Seconds before a worker that died is started again."""

_log = logging.getLogger("tapewatch.history")


class Workers:
    """The workers.

    Parameters:
        options: how the historian was started.
        project: folder of the catalogue.
        use_env: whether the catalogue takes variables from the environment.
        listener: the socket that they share.
    """

    def __init__(self, options: Options, project: Path, use_env: bool, listener: socket.socket) -> None:
        self._command = command_of(options, project, use_env, listener.fileno())
        self._listener = listener
        self._count = options.workers
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start them."""
        self._tasks = [asyncio.get_running_loop().create_task(self._keep()) for _ in range(self._count)]

    async def stop(self) -> None:
        """End them, and wait until they have."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            try:
                await self._run()
            except OSError as error:
                _log.error("a worker cannot be started", exc_info=error)
            await asyncio.sleep(PAUSE)

    async def _run(self) -> None:
        """One worker, from its start to its end."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            pass_fds=(self._listener.fileno(),),
            stdin=subprocess.DEVNULL,
            # Ctrl-C is for us: we end them when our own work is done.
            start_new_session=True,
        )
        try:
            code = await process.wait()
            _log.error("a worker has ended with %d, and is started again", code)
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
    except TimeoutError:
        process.kill()
        await process.wait()


def command_of(options: Options, project: Path, use_env: bool, listener: int) -> list[str]:
    """What starts a worker; it ends by itself when the process of this id is gone."""
    words = [str(listener), str(os.getpid()), str(project), str(int(use_env)), options.dumps()]
    return [sys.executable, "-P", "-m", "tapewatch.history.serving.worker", *words]
