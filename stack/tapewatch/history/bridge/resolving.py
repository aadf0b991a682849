"""Names into addresses, in threads that nothing else waits for."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from threading import Thread
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

__all__ = ["Resolver"]

_AT_ONCE = 64
"""Names that are looked up at once; a platform whose name server is gone has them all waiting."""

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    """Asks the system.

    The system cannot be told to give a lookup up, and a name server that is gone keeps it for many seconds, whatever
    the timeout of the target. In the loop's own threads, a handful, a few such targets would hold up whatever else is
    done there: large answers are read there. These threads are daemons, so that the end does not wait for them either.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises:
            OSError: it has none, or nobody says.
        """
        async with self._free:
            # aiohttp lets a lookup go on when its scrape was given up, and asks for no name twice at once.
            found = await _looked_up(host, port, family)
        return [
            ResolveResult(
                hostname=host, host=_numeric(address), port=address[1], family=kind, proto=proto, flags=_NUMERIC
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Nothing to do: lookups end by themselves."""


async def _looked_up(host: str, port: int, family: socket.AddressFamily) -> list[Any]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(found: list[Any] | Exception) -> None:
        if answer.done():
            return  # nobody waits any more
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def look() -> None:
        found: list[Any] | Exception
        try:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except Exception as error:  # noqa: BLE001 -- it is raised where the name is waited for
            found = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, found)

    Thread(target=look, name="history-name", daemon=True).start()
    return await answer


def _numeric(address: tuple[Any, ...]) -> str:
    """An address as it is written; one that holds on one link only names that as well."""
    return f"{address[0]}%{address[3]}" if len(address) > 3 and address[3] else str(address[0])
