"""The one call that starts serving."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.instruments import default_registry
from tapewatch_sdk.problems import Place, Problem
from tapewatch_sdk.serving._checks import Check, Checks
from tapewatch_sdk.serving._flight import Flight
from tapewatch_sdk.serving._metrics import (
    CONTENT_TYPES,
    Collects,
    accepts_gzip,
    compressed,
    exposition,
    wants_openmetrics,
)
from tapewatch_sdk.serving._request import Request, Response
from tapewatch_sdk.serving._server import Server

__all__ = ["ADDRESS", "serve"]

ADDRESS = "TAPEWATCH_LISTEN_ADDRESS"
"""Environment variable with the address to listen on where the program gives none."""

DEFAULT_ADDRESS = "127.0.0.1"
"""This machine alone: who is to be scraped from elsewhere says so."""

CHECK_TIMEOUT = 2.0
"""Seconds after which a check counts as failed; Kubernetes and compose give a probe 1 s and 30 s by default."""

COLLECT_TIMEOUT = 10.0
"""Seconds that collecting may take; Prometheus gives a scrape up after as many by default."""

_BACKLOG = 64

_log = logging.getLogger("tapewatch_sdk.serving")


def serve(
    port: int,
    address: str | None = None,
    *,
    registry: Collects | None = None,
    health: Mapping[str, Check] | None = None,
    ready: Mapping[str, Check] | None = None,
    check_timeout: float = CHECK_TIMEOUT,
) -> Server:
    """Serves `/metrics`, `/health` and `/ready` from now on, in a thread of its own. A forked child does not serve.

    Parameters:
        port: the port; 0 for any that is free, which `port` of what is returned tells.
        address: the address to listen on: `0.0.0.0` or `::` for all of this machine, as in a container. By default
            what `TAPEWATCH_LISTEN_ADDRESS` says, or else `127.0.0.1`, which other machines cannot reach.
        registry: where the metrics come from: one of ours or of prometheus-client's; by default the SDK's own default.
        health: checks of being alive, by name: a failed one asks for a restart.
        ready: checks of being able to work, by name: a failed one asks for patience.
        check_timeout: seconds after which a check that gives no answer counts as failed.

    Raises:
        ProblemsError: the port is taken, or cannot be listened on.
    """
    where = address if address is not None else os.environ.get(ADDRESS) or DEFAULT_ADDRESS
    metrics = default_registry() if registry is None else registry
    site = _Site(metrics, Checks(health or {}, check_timeout), Checks(ready or {}, check_timeout))
    return Server(_listen(where, port), site.answer)


class _Site:
    """What is answered under which path."""

    def __init__(self, registry: Collects, health: Checks, ready: Checks) -> None:
        self._checks = {"/health": health, "/ready": ready}
        self._metrics = {
            openmetrics: Flight("tapewatch-collect", partial(exposition, registry, openmetrics))
            for openmetrics in (False, True)
        }

    async def answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"GET and HEAD only\n", headers={"Allow": "GET, HEAD"})
        if request.path == "/metrics":
            return await self._exposed(request)
        if checks := self._checks.get(request.path):
            passed, body = await checks.run()
            return Response(HTTPStatus.OK if passed else HTTPStatus.SERVICE_UNAVAILABLE, body, "application/json")
        return Response(HTTPStatus.NOT_FOUND, b"there are /metrics, /health and /ready\n")

    async def _exposed(self, request: Request) -> Response:
        newer = wants_openmetrics(request.headers.get("accept", ""))
        try:
            landing = await self._metrics[newer].landing(COLLECT_TIMEOUT)
        except TimeoutError:
            return Response(HTTPStatus.SERVICE_UNAVAILABLE, b"collecting the metrics takes too long\n")
        text = landing.value
        if text is None:
            _log.error("the metrics could not be collected", exc_info=landing.error)
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR, b"the metrics could not be collected\n")
        headers = {"Vary": "Accept, Accept-Encoding"}
        smaller = compressed(text) if accepts_gzip(request.headers.get("accept-encoding", "")) else None
        if smaller is not None:
            headers["Content-Encoding"] = "gzip"
        return Response(HTTPStatus.OK, text if smaller is None else smaller, CONTENT_TYPES[newer], headers)


def _listen(address: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        both = family == socket.AF_INET6 and address == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((address, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except (OSError, OverflowError, TypeError, UnicodeError) as error:
        raise ProblemsError([_refusal(address, port, error)]) from error


def _refusal(address: str, port: int, error: Exception) -> Problem:
    where = Place(path=f"{address}:{port}")
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return Problem(
            "serving/port-taken",
            f"port {port} of {address} is taken",
            must="nobody else may listen on the port of `/metrics`",
            fix="stop the other program, or give this service another port here and in the catalogue",
            where=where,
        )
    return Problem(
        "serving/cannot-listen",
        f"cannot listen on {address}:{port}: {error}",
        must="an address of this machine, and a port from 1024 to 65535",
        fix="write `127.0.0.1`, or `0.0.0.0` in a container",
        where=where,
    )
