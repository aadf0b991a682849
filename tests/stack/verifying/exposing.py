"""A service that exposes what it is told to, and the catalogue of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from support.rendering import varied_text
from tapewatch.catalogue import Loaded, load

__all__ = ["OPENMETRICS", "OPENMETRICS_TYPE", "TEXT", "TEXT_TYPE", "Exposing", "catalogue"]

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

TEXT = """\
# HELP quotes_total Quotes sent
# TYPE quotes_total counter
quotes_total{symbol="BTC",side="buy"} 3
quotes_total{symbol="ETH",side="buy"} 4
# HELP quotes_open Quotes that stand
# TYPE quotes_open gauge
quotes_open 7
# HELP quote_latency_ms Time to quote
# TYPE quote_latency_ms histogram
quote_latency_ms_bucket{symbol="BTC",le="1.0"} 1
quote_latency_ms_bucket{symbol="BTC",le="5.0"} 2
quote_latency_ms_bucket{symbol="BTC",le="+Inf"} 3
quote_latency_ms_sum{symbol="BTC"} 20.5
quote_latency_ms_count{symbol="BTC"} 3
# HELP quote_bytes Size of a quote
# TYPE quote_bytes summary
quote_bytes{quantile="0.5"} 100
quote_bytes_sum 300
quote_bytes_count 3
# HELP system_uptime_seconds Time since the start
# TYPE system_uptime_seconds gauge
system_uptime_seconds 12.5
# TYPE process_open_fds gauge
process_open_fds 9
"""
"""What the service `quoter` exposes when all is well; a client library's own family among it."""

OPENMETRICS = (
    TEXT.replace("# HELP quotes_total", "# HELP quotes").replace("# TYPE quotes_total", "# TYPE quotes") + "# EOF\n"
)
"""The same in OpenMetrics."""

DOMAINS: Mapping[str, Any] = {
    "quoting": {
        "quotes_total": {"type": "counter", "labels": ["symbol", "side"]},
        "quotes_open": {"type": "gauge"},
        "quote_latency_ms": {"type": "histogram", "labels": ["symbol"], "buckets": [1, 5], "unit": "milliseconds"},
        "quote_bytes": {"type": "summary", "unit": "bytes"},
    },
    "hedging": {"hedges_total": {"type": "counter"}},
    "host": {"system_uptime_seconds": {"type": "gauge", "unit": "seconds"}},
}

Respond = Callable[[BaseHTTPRequestHandler], tuple[int, Mapping[str, str], bytes]]


def catalogue(folder: Path, services: Mapping[str, Mapping[str, Any]]) -> Loaded:
    """A catalogue of these services, which emit the domain `quoting` unless they say otherwise."""

    def change(data: dict[str, Any]) -> None:
        data["domains"] = dict(DOMAINS)
        data["services"] = {name: {"emits": ["quoting", "host"], **service} for name, service in services.items()}
        data["defaults"] = {"scrape": {"interval": "20s", "timeout": "20s"}, "push": {"interval": "1s"}}
        data["stack"]["simulate"] = False
        data["routing"]["teams"] = {}

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalogue.yaml").write_text(varied_text(change), encoding="utf-8")
    return load(folder / "catalogue.yaml")


class Exposing:
    """Answers on a free loopback port as long as its `with` block lasts.

    Attributes:
        text: what it answers, in the text format.
        openmetrics: what it answers to who would rather have OpenMetrics; nothing: the text.
        respond: gives status, headers and body of an answer, when it is to be another one.
        requests: the headers of each request, by lower case name, with `path`.
        address: `127.0.0.1:port`.
    """

    def __init__(self, text: str = TEXT, openmetrics: str = "", respond: Respond | None = None) -> None:
        self.text = text
        self.openmetrics = openmetrics
        self.respond = respond or self._respond
        self.requests: list[Mapping[str, str]] = []
        self._lock = Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def url(self) -> str:
        """Where its metrics are."""
        return f"http://{self.address}/metrics"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answers a request."""
        with self._lock:
            self.requests.append({"path": handler.path, **{key.lower(): each for key, each in handler.headers.items()}})
        status, headers, body = self.respond(handler)
        with suppress(OSError):  # who asked may have heard enough
            handler.send_response(status)
            for key, value in headers.items():
                handler.send_header(key, value)
            handler.end_headers()
            handler.wfile.write(body)

    def _respond(self, handler: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], bytes]:
        if self.openmetrics and handler.headers.get("Accept", "").startswith("application/openmetrics-text"):
            return 200, {"Content-Type": OPENMETRICS_TYPE}, self.openmetrics.encode()
        return 200, {"Content-Type": TEXT_TYPE}, self.text.encode()

    def __enter__(self) -> Self:
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()


def _handler(exposing: Exposing) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            exposing.answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing."""

    return Handler
