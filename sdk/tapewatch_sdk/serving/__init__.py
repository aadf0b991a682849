"""`/metrics`, `/health` and `/ready` from a background thread.

    from tapewatch_sdk.serving import serve

    server = serve(9093, registry=registry, ready={"exchange": exchange.is_connected})

It uses the standard library alone, and the thread ends with the program.
"""

from __future__ import annotations

from tapewatch_sdk.serving._checks import Check
from tapewatch_sdk.serving._metrics import Collects
from tapewatch_sdk.serving._serve import serve
from tapewatch_sdk.serving._server import Server

__all__ = ["Check", "Collects", "Server", "serve"]
