"""Servers on free ports, closed after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tapewatch_sdk.serving import Server, serve

Serving = Callable[..., Server]


@pytest.fixture
def serving() -> Iterator[Serving]:
    """Serves on a free loopback port; the arguments are those of `serve` after the port."""
    begun: list[Server] = []

    def started(**settings: Any) -> Server:
        begun.append(serve(0, "127.0.0.1", **settings))
        return begun[-1]

    yield started
    for server in begun:
        server.close()
